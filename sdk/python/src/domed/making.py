"""A request that makes a job, where several nodes may take it: they shall not make two of it.

A job is found again by its key and by whom its node knows as its sender (docs/protocol.md, SubmitJob).  So
where an answer was lost the request is sent to another node only if that knows its sender as the same;
else it is tried where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Mapping

from .errors import DomedError, IdempotencyKeyReused, UnknownMethod, Unreachable
from .page import result_of

if TYPE_CHECKING:
    from .aio import AsyncClient

MAKES_A_JOB = frozenset({"SubmitJob", "RetryJob"})


@dataclass(frozen=True)
class _Known:
    """As whom a node knows us."""

    url: str
    identity: str  # empty: it does not tell


class Making:
    def __init__(self, client: AsyncClient, params: Mapping[str, Any]) -> None:
        self._client = client
        self._key = str(params.get("idempotency_key", ""))
        self._now: _Known | None = None  # to whom it goes next
        self._doubt: tuple[_Known, str] | None = None  # who may have made it, and why that is not known
        self._other: _Known | None = None  # who might make it a second time

    async def place(self, timeout: float) -> str:
        """The URL that it may be sent to, and no other.  Raises Unreachable where that is not there now."""
        self._now = None
        now = await self._who_answers(timeout)
        if self._doubt is not None:
            first = self._doubt[0]
            if now.url != first.url and (not now.identity or now.identity != first.identity):
                self._other = now
                self._client._channel.leave(now.url)
                raise Unreachable(f"the job may have been made at {first.url}, which is not there now")
        self._now = now
        return now.url

    def failed(self, error: DomedError) -> DomedError:
        """What is to be thought of it that this came of an attempt."""
        now = self._now  # None: it was not sent
        if self._doubt is None:
            # E_STORE: nothing was kept, or it is not known.
            lost = isinstance(error, Unreachable) and not error.unsent
            if now is not None and (lost or (error.name == "E_STORE" and error.retryable)):
                self._doubt = now, error.message
        elif not error.retryable and not isinstance(error, IdempotencyKeyReused):
            # Who refuses it did not make it; that says nothing of who may have.
            if now is None or now.url != self._doubt[0].url:
                return self.unknown(f"; and {now.url if now else 'another node'} refuses it ({error})") or error
        return error

    def unknown(self, more: str = "") -> Unreachable | None:
        """What is to be said when time is over, or "more" came of it; None: it was not made."""
        if self._doubt is None:
            return None
        first, why = self._doubt
        message = f"it is not known whether the job was made: {why}{more}"
        if self._other is not None and not more:
            message += (
                f"; and {self._other.url} knows this client as {_named(self._other)}, not as {_named(first)}, so that "
                "sent there it might be made a second time"
            )
        message += (
            f".  Send it again with the same idempotency key, {self._key}, when {first.url} is back: that finds the "
            "job, or makes it"
        )
        return Unreachable(message, {"idempotency_key": self._key})

    async def _who_answers(self, timeout: float) -> _Known:
        client = self._client
        reply = await client._ask("WhoAmI", b"{}", min(client.reply_timeout, timeout))
        try:
            identity = client._read(reply, result_of).get("identity")
        except UnknownMethod:
            identity = None
        return _Known(reply.url, identity if isinstance(identity, str) else "")


def _named(who: _Known) -> str:
    return who.identity or "somebody it does not name"
