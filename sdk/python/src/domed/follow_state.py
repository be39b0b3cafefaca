"""The decisions of a follower, without any input or output.

The owner asks :meth:`FollowState.next`, does it, reports what came of it, and asks again.  Pages are the
truth; frames only tell that there is something, or save the page where they continue the log exactly
(docs/protocol.md, How to follow).  Times are seconds of the owner's monotonic clock.
"""

from __future__ import annotations

import enum
import hashlib
from typing import Any, Iterable

from .endpoint import reachable_url
from .errors import ProtocolError
from .event import Event
from .page import Frame, Page

DAEMON_UNHEARD = 3.0
QUIET_FIRST, QUIET_MOST = 2.0, 10.0
PAUSE_FIRST, PAUSE_MOST = 0.05, 2.0
HELD_POLL_MS = 10_000  # where long polls are all there is
FALLBACK_POLL_MS = 3_000  # where frames may come back
FIRST_PAGE_BYTES = 64 * 1024  # the first page is to come soon,
CATCH_UP_EVENTS = 10_000  # and the rest fast: the daemon's most
# A poll that comes back empty sooner was not held: an odd daemon is not asked in a tight loop.
POLL_SPACING = 0.2


class Step(enum.Enum):
    PAGE = "page"  # request a page with page_params()
    SUBSCRIBE = "subscribe"  # at events_url
    WAIT = "wait"  # for a frame, until wake_at(now)
    DONE = "done"


class Chain:
    """The digest of a log (docs/protocol.md, Digest)."""

    def __init__(self, log_id: str) -> None:
        self._digest = hashlib.sha256(log_id.encode()).digest()

    def add(self, lines: Iterable[bytes]) -> None:
        digest, sha256 = self._digest, hashlib.sha256
        for line in lines:
            digest = sha256(digest + line).digest()
        self._digest = digest

    def hex(self) -> str:
        return self._digest.hex()


class FollowState:
    def __init__(
        self,
        job_id: str,
        since: int = 0,
        log_id: str = "",
        *,
        tail: bool = True,
        frames: bool = True,
        max_events: int = 0,
        digest: bool = False,
    ) -> None:
        self.job_id = job_id
        self.log_id = log_id  # refuse any other; empty: whichever there is
        self.cursor = since
        self.terminal = False  # ended at the terminal event, as opposed to a snapshot's head
        self.events_url = ""
        self.chain: Chain | None = None  # of the events up to the cursor, where it began at 0
        self._want_digest = digest
        self._tail = tail
        self._frames = tail and frames
        self._max_events = max_events
        self._paged = False
        self._must_page = True
        self._done = False
        self._held = False  # the page now asked for is a long poll
        self._snapshot_head: int | None = None
        self._must_subscribe = self._subscribed = False
        self._epoch = ""
        self._asked = self._retry_at = self._quiet_at = 0.0
        self._heard = float("-inf")
        self._quiet, self._pause = QUIET_FIRST, PAUSE_FIRST

    def next(self, now: float) -> Step:
        if self._done:
            return Step.DONE
        if now < self._retry_at:
            return Step.WAIT
        if self._must_subscribe:
            return Step.SUBSCRIBE
        # A page that is due is asked for at once, and never held: what is missing is there already.
        self._held = not self._must_page and self._polling(now)
        if self._must_page or self._held or now >= self._quiet_at:
            self._asked = now
            return Step.PAGE
        return Step.WAIT

    def _polling(self, now: float) -> bool:
        """Whether to follow by long polls: from choice, or because nothing is heard."""
        return self._tail and self._paged and (not self._subscribed or now - self._heard >= DAEMON_UNHEARD)

    def wake_at(self, now: float) -> float:
        return self._retry_at if now < self._retry_at else min(self._heard + DAEMON_UNHEARD, self._quiet_at)

    def page_params(self) -> dict[str, Any]:
        params: dict[str, Any] = {"job_id": self.job_id, "since_seq": self.cursor}
        if self.log_id:
            params["log_id"] = self.log_id
        if self._max_events:
            params["max_events"] = self._max_events
        elif self._paged:
            params["max_events"] = CATCH_UP_EVENTS
        else:
            params["max_bytes"] = FIRST_PAGE_BYTES
        if self._held:
            params["wait_ms"] = FALLBACK_POLL_MS if self._frames and self._subscribed else HELD_POLL_MS
        return params

    def page_came(self, page: Page, now: float) -> list[Event]:
        """Raises ProtocolError where the page leaves events out."""
        # The chain begins with the log: who begins in its midst has no digest before, and gets none.
        if self._want_digest and not self._paged and self.cursor == 0 and page.first_seq <= 1:
            self.chain = Chain(page.log_id)
        if self.log_id and page.log_id != self.log_id:
            raise ProtocolError(f"the daemon's page is of log {page.log_id}, not of {self.log_id}")
        self.log_id = page.log_id
        if self._snapshot_head is None:
            self._snapshot_head = page.head_seq
        quiet_page = self._paged and not self._must_page
        first = not self._paged
        self._paged = True
        self._pause = PAUSE_FIRST
        before = self.cursor
        if page.lines and page.first_line > before + 1:
            raise self._wrong_page(before)
        events = self._take(page.first_line, page.lines, page.plain)
        # More, and nothing of it: asked again it would be the same, for ever.
        if page.more and self.cursor == before:
            raise self._wrong_page(before)
        self._must_page = page.more
        if page.final and self.cursor >= page.head_seq:
            self.terminal = self._done = True
        if not self._tail and (self.cursor >= self._snapshot_head or not page.more):
            self._done = True
        if self._frames:
            self._new_urls(page)
        if self._held and self.cursor == before and now - self._asked < POLL_SPACING:
            self._retry_at = now + POLL_SPACING
        # Events that no frame announced: frames get lost, so look often again.
        if first or self.cursor != before:
            self._quiet = QUIET_FIRST
        elif quiet_page:
            self._quiet = min(self._quiet * 2, QUIET_MOST)
        self._quiet_at = now + self._quiet
        return events

    def _wrong_page(self, cursor: int) -> ProtocolError:
        return ProtocolError(f"the daemon's page after seq {cursor} does not begin with event {cursor + 1}")

    def _take(self, first: int, lines: list[bytes], plain: bool = False) -> list[Event]:
        """The one place where events are delivered, from pages and frames alike: each once and in order,
        whatever came twice or late.  The first line's seq is at most cursor + 1."""
        log_id = self.log_id
        skip = self.cursor + 1 - first
        if skip > 0:
            lines, first = lines[skip:], self.cursor + 1
        if not self._tail and self._snapshot_head is not None:
            lines = lines[: max(0, self._snapshot_head - self.cursor)]
        events = [Event(log_id, seq, line) for seq, line in enumerate(lines, first)]
        if not plain:
            for at, event in enumerate(events):
                if event.is_terminal:
                    events = events[: at + 1]
                    self.terminal = self._done = True
                    break
        self.cursor += len(events)
        if self.chain is not None:
            self.chain.add(event.line for event in events)
        return events

    def _new_urls(self, page: Page) -> None:
        # Those of the node that gave the page, which may be another one than before: as they are for who
        # reached that, for two nodes may well say the same "tcp://0.0.0.0:7444".
        urls = page.events_urls
        if not urls or self._done:
            return
        scheme = page.endpoint.partition("://")[0]
        url = reachable_url(next((url for url in urls if url.partition("://")[0] == scheme), urls[0]), page.endpoint)
        if url != self.events_url:
            self.events_url = url
            self._must_subscribe = True

    def page_failed(self, now: float, wait: float | None) -> None:
        """A page could not be had; "wait" is the daemon's wish."""
        self._retry_at = now + (self._pause if wait is None else wait)
        self._pause = min(self._pause * 2, PAUSE_MOST)
        self._must_page = True

    def subscribed(self, now: float) -> None:
        # What was committed between the last page and now has no frame for us.
        self._must_subscribe = False
        self._subscribed = self._must_page = True
        self._heard = now

    def reconnected(self) -> None:
        """The events socket is there again: what it said meanwhile is in pages only."""
        if self._subscribed:
            self._must_page = True

    def subscribe_failed(self) -> None:
        """There is no subscribing: goes on with long polls."""
        self._must_subscribe = self._subscribed = self._frames = False

    def frame_came(self, frame: Frame, now: float) -> list[Event]:
        """A frame for the job, or the daemon's pulse."""
        if self._done or not self._frames:
            return []
        self._heard = now
        if frame.epoch and frame.epoch != self._epoch:
            # Another start of the daemon: frames of its last moments may be lost with it.
            if self._epoch:
                self._must_page = True
            self._epoch = frame.epoch
        return [] if frame.daemon else self._take_frame(frame, now)

    def _take_frame(self, frame: Frame, now: float) -> list[Event]:
        self._quiet = QUIET_FIRST
        self._quiet_at = now + self._quiet
        if not self._paged:
            return []
        if frame.log_id != self.log_id:
            self._must_page = True  # which names the log, so that the daemon says what happened
            return []
        events: list[Event] = []
        if frame.lines and frame.first_line <= self.cursor + 1:
            events = self._take(frame.first_line, frame.lines)
        if frame.head > self.cursor and not self._done:
            self._must_page = True
        return events
