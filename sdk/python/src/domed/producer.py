"""Producers: batches of events, appended to one job's log, each exactly once."""

from __future__ import annotations

import asyncio
import base64
import time
import uuid
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Mapping, Sequence

from .errors import BatchGap, DomedError, ProtocolError, TooLarge, Unreachable
from .follow_state import PAUSE_FIRST, PAUSE_MOST
from .model import Ack, Json, to_json
from .page import result_of

if TYPE_CHECKING:
    from .aio import AsyncClient
    from .wire import Reply

MOST_EVENTS, MOST_BYTES = 1024, 256 * 1024  # of a batch; the daemon's most are 4096 and 448 KiB
MOST_TEXT = 16 * 1024  # of one log event; longer lines go in pieces
MOST_WINDOW = 64
_LINGER = 0.02  # how long an event waits for others to share its batch


def event(type: str, payload: Mapping[str, Any], t: int | None = None) -> Json:
    """An event as a producer writes it; "t": when it happened, in microseconds since 1970."""
    return {"type": type, "payload": payload} if t is None else {"type": type, "payload": payload, "t": t}


def log_events(stream: str, data: bytes, eol: bool = True) -> list[Json]:
    """The ``log`` events of one line: its pieces say that no line feed followed, the last one as "eol" says."""
    events: list[Json] = []
    while True:
        end = len(data)
        if end > MOST_TEXT:
            end = MOST_TEXT
            while end > MOST_TEXT - 4 and data[end] & 0xC0 == 0x80:  # not within a character
                end -= 1
        piece, data = data[:end], data[end:]
        payload: Json = {"stream": stream}
        try:
            payload["text"] = piece.decode()
        except UnicodeDecodeError:
            payload["b64"] = base64.b64encode(piece).decode()
        if data or not eol:
            payload["eol"] = False
        events.append(event("log", payload))
        if not data:
            return events


@dataclass
class _Slot:
    batch: int
    body: bytes
    task: asyncio.Task[Reply] | None = None
    begun: int = 0  # all batches before this were acknowledged when it was sent
    not_before: float = 0.0
    pause: float = 0.0
    ack: Ack | None = None


class AsyncProducer:
    """Appends batches to one job's log, each exactly once.

    A batch's number and bytes are frozen before its first send; the same bytes go out again after a lost
    reply, a lost connection, a daemon's restart or a retryable error, for as long as it takes ("give_up"),
    to whichever node answers.
    Up to "window" batches are on their way at a time.  The daemon need not be there when a producer is
    made.

    ``async with`` waits at its end until everything is acknowledged.
    """

    def __init__(
        self,
        client: AsyncClient,
        job_id: str,
        token: str,
        *,
        producer_id: str | None = None,
        first_batch: int = 1,
        window: int = 16,
        queue: int = 64,
        queue_bytes: int = 16 << 20,
        reply_timeout: float = 10.0,
        give_up: float | None = None,
        times: bool = False,
        poll: float | None = None,
    ) -> None:
        self.job_id = job_id
        self.producer_id = producer_id or uuid.uuid4().hex
        self._client = client
        self._token = token
        self._next = first_batch
        self._window = min(max(window, 1), MOST_WINDOW)
        self._queue, self._queue_bytes = queue, queue_bytes
        self._reply_timeout = reply_timeout
        self._give_up = give_up
        self._times = times
        self._slots: deque[_Slot] = deque()
        self._bytes = 0
        self._gathered: list[str] = []
        self._gathered_bytes = 0
        self._linger: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._refusal: DomedError | None = None
        self._refused_at = 0
        self._ended = False
        self._closed = False
        self._last_reply = 0.0
        self.last_ack: Ack | None = None
        """The last acknowledgement, in the order of batches."""
        self.cancel_requested = False
        """A reply said that somebody asked to cancel the job."""
        self.on_ack: list[Any] = []
        """Called with each Ack, in the order of batches."""
        self._poller: asyncio.Task[None] | None = None
        if poll is not None:
            self._poller = asyncio.get_running_loop().create_task(self._poll(poll))

    # Batches.

    async def append(self, events: Sequence[Mapping[str, Any]]) -> int:
        """Freezes the next batch and queues it; returns its number.

        Waits while the queue is full.  Raises the refusal, such as Sealed, once there is one.
        """
        await self._send_gathered()
        return await self.append_text(to_json([self._timed(each) for each in events]))

    async def append_text(self, events: str) -> int:
        """The same of a JSON array that is written already."""
        size = len(events)
        while not self._has_room(size):
            self._changed.clear()
            await self._changed.wait()
        return self._add(events)

    async def emit(self, type: str, payload: Mapping[str, Any], t: int | None = None) -> None:
        """Appends one event, in a batch that it shares with others that come in the same moment."""
        text = to_json(self._timed(event(type, payload, t)))
        if len(self._gathered) >= MOST_EVENTS or self._gathered_bytes + len(text) * 2 > MOST_BYTES:
            await self._send_gathered()
        self._raise_refusal()
        self._gathered.append(text)
        self._gathered_bytes += len(text) * 2  # in UTF-8 rarely more
        if self._linger is None:
            self._linger = asyncio.get_running_loop().call_later(_LINGER, self._linger_over)

    async def log(self, text: str | bytes, stream: str = "stdout", eol: bool = True) -> None:
        """A line of output, or several; without "eol" nothing follows the last one's text."""
        data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        lines = data.split(b"\n")
        for at, line in enumerate(lines):
            for each in log_events(stream, line, eol or at + 1 < len(lines)):
                await self.emit(each["type"], each["payload"])

    async def progress(self, value: float, message: str | None = None) -> None:
        await self.emit("progress", {"value": value} if message is None else {"value": value, "message": message})

    async def artifact(self, kind: str, path: str, sha256: str | None = None) -> None:
        await self.emit("artifact", {"kind": kind, "path": path} | ({"sha256": sha256} if sha256 else {}))

    async def error(self, payload: Mapping[str, Any]) -> None:
        await self.emit("error", payload)

    async def state(self, to: str, **fields: Any) -> None:
        """A change of the job's state: ``running``, ``succeeded``, ``failed``, ``canceled``."""
        await self.emit("state_change", {"to": to, **fields})

    async def flush(self, timeout: float | None = None) -> None:
        """Waits until everything is acknowledged.  Raises the refusal once there is one, TimeoutError after
        "timeout" seconds."""
        async with asyncio.timeout(timeout):
            await self._send_gathered()
            while self._slots or (self._refusal and not self._ended):
                self._raise_refusal()
                self._changed.clear()
                await self._changed.wait()
        self._raise_refusal()

    @property
    def pending(self) -> int:
        """How many batches are not acknowledged."""
        return len(self._slots)

    @property
    def refusal(self) -> DomedError | None:
        """What ended the producer, such as Sealed, Unauthorized or Gone."""
        return self._refusal if self._ended else None

    async def close(self) -> None:
        """Stops at once; what was not acknowledged may or may not have arrived."""
        self._closed = True
        for timer in (self._timer, self._linger):
            if timer is not None:
                timer.cancel()
        tasks = [slot.task for slot in self._slots if slot.task is not None]
        if self._poller is not None:
            tasks.append(self._poller)  # type: ignore[arg-type]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._changed.set()

    async def __aenter__(self) -> AsyncProducer:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                await self.flush()
        finally:
            await self.close()

    # Within.

    def _timed(self, each: Mapping[str, Any]) -> Mapping[str, Any]:
        # In all events of a batch or in none.
        return {**each, "t": time.time_ns() // 1000} if self._times and "t" not in each else each

    def _raise_refusal(self) -> None:
        if self._ended and self._refusal is not None:
            raise self._refusal
        if self._closed:
            raise Unreachable("the producer was closed")

    def _has_room(self, more: int) -> bool:
        self._raise_refusal()
        if self._refusal is not None:
            return False
        return not self._slots or (len(self._slots) < self._queue and self._bytes + more <= self._queue_bytes)

    def _linger_over(self) -> None:
        self._linger = None
        # Behind a full queue it waits for whoever comes next, or for an answer.
        if self._gathered and not self._closed and self._refusal is None and self._has_room(self._gathered_bytes):
            self._add(self._take_gathered())
        elif self._gathered and not self._closed and self._refusal is None:
            self._linger = asyncio.get_running_loop().call_later(_LINGER, self._linger_over)

    def _take_gathered(self) -> str:
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        text = "[" + ",".join(self._gathered) + "]"
        self._gathered.clear()
        self._gathered_bytes = 0
        return text

    async def _send_gathered(self) -> None:
        while self._gathered:
            if self._has_room(self._gathered_bytes):
                self._add(self._take_gathered())
                return
            self._changed.clear()
            await self._changed.wait()

    def _add(self, events: str) -> int:
        """Frozen here: the number and the bytes never change again."""
        batch = self._next
        head = {"job_id": self.job_id, "producer_id": self.producer_id, "producer_token": self._token, "batch": batch}
        body = f'{to_json(head)[:-1]},"events":{events}}}'.encode()
        if len(body) > (1 << 20) - 4096:
            raise TooLarge(f"batch {batch} has {len(body)} bytes: the most of a request is 1 MiB")
        self._next += 1
        now = asyncio.get_running_loop().time()
        if not self._slots:
            self._last_reply = now
        self._slots.append(_Slot(batch, body))
        self._bytes += len(body)
        self._pump()
        return batch

    def _pump(self) -> None:
        """Sends what may be sent now."""
        if self._ended or self._closed:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._give_up is not None and self._slots and now - self._last_reply >= self._give_up:
            self._refuse(self._slots[0].batch, Unreachable("no acknowledgement for so long, and the producer gave up"))
            return
        wake = self._last_reply + self._give_up if self._give_up is not None and self._slots else None
        first = True  # that is not acknowledged
        for at, slot in enumerate(self._slots):
            if at >= self._window or (self._refusal is not None and slot.batch >= self._refused_at):
                break
            if slot.ack is not None:
                continue
            # Tried again, it goes alone: those behind it would wait for it in the daemon, and take the
            # place it needs.  So it also waits for the answers to those before it.
            again = slot.pause > 0
            if again and not first:
                break
            first = False
            if slot.not_before > now:
                wake = slot.not_before if wake is None else min(wake, slot.not_before)
                break
            if slot.task is None:
                self._send(slot)
            if again:
                break
        if wake is not None:
            self._timer = loop.call_at(wake, self._pump)

    def _send(self, slot: _Slot) -> None:
        slot.begun = self._slots[0].batch
        slot.task = asyncio.get_running_loop().create_task(
            self._client._ask("AppendJobEvents", slot.body, self._reply_timeout)
        )
        slot.task.add_done_callback(lambda task: self._answered(slot, task))

    def _answered(self, slot: _Slot, task: asyncio.Task[Reply]) -> None:
        slot.task = None
        if self._closed or task.cancelled() or slot.ack is not None:
            return
        try:
            reply = task.result()
            self._last_reply = asyncio.get_running_loop().time()
            slot.ack = Ack.of(slot.batch, self._client._read(reply, result_of))
            self.cancel_requested = self.cancel_requested or slot.ack.cancel_requested
        except DomedError as error:
            if error.retryable:
                self._again_later(slot, error)
            else:
                self._refuse(slot.batch, error)
        except (ValueError, TypeError) as error:
            self._refuse(slot.batch, ProtocolError(f"the daemon sent an acknowledgement that is none: {error}"))
        self._deliver()
        self._pump()

    def _again_later(self, slot: _Slot, error: DomedError) -> None:
        if not isinstance(error, Unreachable):
            self._last_reply = asyncio.get_running_loop().time()
        least = error.retry_after or PAUSE_FIRST
        wait = slot.pause = max(least, min(slot.pause * 2, PAUSE_MOST))
        now = asyncio.get_running_loop().time()
        expected = error.number("expected")
        if isinstance(error, BatchGap) and expected is not None:
            # An acknowledged batch should be there; one acknowledged since is.
            if expected < slot.begun:
                message = (
                    f"the daemon asks for batch {expected}, which is not here any more: the log lost acknowledged "
                    "batches, or the first batch queued was not the next one"
                )
                return self._refuse(slot.batch, BatchGap(message, {**error.fields, "retryable": False}))
            for missing in self._slots:
                if missing.batch == expected:
                    missing.not_before = now
            wait = PAUSE_FIRST
        slot.not_before = now + wait

    def _refuse(self, batch: int, error: DomedError) -> None:
        # The first in the order of batches is what happened; those behind it are its consequences.
        if self._refusal is None or batch < self._refused_at:
            self._refusal, self._refused_at = error, batch
        self._deliver()

    def _deliver(self) -> None:
        while self._slots and self._slots[0].ack is not None:
            slot = self._slots.popleft()
            self._bytes -= len(slot.body)
            self.last_ack = slot.ack
            for told in self.on_ack:
                told(slot.ack)
        if self._refusal is not None and self._slots and self._slots[0].batch >= self._refused_at:
            self._ended = True
            for slot in self._slots:
                if slot.task is not None:
                    slot.task.cancel()
        self._changed.set()

    async def _poll(self, every: float) -> None:
        """Tells the daemon that the producer is there, and hears of a cancel."""
        head = {"job_id": self.job_id, "producer_id": self.producer_id, "producer_token": self._token, "events": []}
        body = to_json(head).encode()
        while not self._closed and not self._ended:
            await asyncio.sleep(every)
            try:
                reply = await self._client._ask("AppendJobEvents", body, self._reply_timeout)
                result = self._client._read(reply, result_of)
                self.cancel_requested = self.cancel_requested or bool(result.get("cancel_requested"))
            except DomedError:
                pass  # told to the batches, which cannot do without an answer
