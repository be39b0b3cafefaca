"""Errors: one class for each ``E_`` name of the protocol, and for what a client finds itself.

Every error is a :class:`DomedError`; ``name`` is its ``E_`` name, ``fields`` what the daemon said
beside it (``head``, ``first``, ``log_id``, ``retry_ms``, ...), ``retryable`` whether the same request may
succeed later.
"""

from __future__ import annotations

from typing import Any, ClassVar, Mapping


class DomedError(Exception):
    """What a daemon refused, or what kept it from being asked."""

    NAME: ClassVar[str] = "E_INTERNAL"
    RETRYABLE: ClassVar[bool] = False

    def __init__(self, message: str = "", fields: Mapping[str, Any] | None = None, name: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fields: dict[str, Any] = dict(fields or {})
        self.name = name or self.NAME

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"

    @property
    def retryable(self) -> bool:
        """What the daemon said, else what the name says."""
        said = self.fields.get("retryable")
        return said if isinstance(said, bool) else self.RETRYABLE

    @property
    def retry_after(self) -> float | None:
        """In how many seconds the daemon wants to see the request again."""
        wait = self.number("retry_ms")
        return None if wait is None else min(max(wait, 1), 60_000) / 1000

    def number(self, field: str) -> int | None:
        """A field that is a whole number, such as ``head``."""
        value = self.fields.get(field)
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


class InvalidRequest(DomedError):
    NAME = "E_INVALID_REQUEST"


class UnknownMethod(DomedError):
    NAME = "E_UNKNOWN_METHOD"


class NotFound(DomedError):
    NAME = "E_NOT_FOUND"


class Gone(DomedError):
    """The job was deleted (``state``, ``head``)."""

    NAME = "E_GONE"


class LogChanged(DomedError):
    """Another log than the one that was followed (``log_id``, ``first``, ``head``)."""

    NAME = "E_LOG_CHANGED"


class CursorAhead(DomedError):
    """The cursor lies beyond the log's ``head``."""

    NAME = "E_CURSOR_AHEAD"


class Compacted(DomedError):
    """The events behind the cursor were trimmed (``first``, ``head``)."""

    NAME = "E_COMPACTED"


class IdempotencyKeyReused(DomedError):
    """The key names another request, or an imported job (``job_id``, ``imported``)."""

    NAME = "E_IDEMPOTENCY_KEY_REUSED"


class Unauthorized(DomedError):
    """A wrong producer token."""

    NAME = "E_UNAUTHORIZED"


class Forbidden(DomedError):
    """Whoever asks may not (``identity``, ``role``, ``needs``)."""

    NAME = "E_FORBIDDEN"


class BatchMismatch(DomedError):
    NAME = "E_BATCH_MISMATCH"


class BatchGap(DomedError):
    """The batch before did not come in time (``expected``)."""

    NAME = "E_BATCH_GAP"
    RETRYABLE = True


class Sealed(DomedError):
    """The job is over (``state``, ``head``)."""

    NAME = "E_SEALED"


class InvalidTransition(DomedError):
    NAME = "E_INVALID_TRANSITION"


class TooLarge(DomedError):
    NAME = "E_TOO_LARGE"


class PolicyDenied(DomedError):
    NAME = "E_POLICY_DENIED"


class Busy(DomedError):
    """A bound is reached, and nothing was done (``retry_ms``)."""

    NAME = "E_BUSY"
    RETRYABLE = True


class Starting(DomedError):
    NAME = "E_STARTING"
    RETRYABLE = True


class StoreFailed(DomedError):
    """The store failed; retryable, or damaged data (``job_id``, ``seq``)."""

    NAME = "E_STORE"


class InternalError(DomedError):
    NAME = "E_INTERNAL"


class Unreachable(DomedError):
    """No daemon, or no answer in time.  Whether the request was done is not known."""

    NAME = "E_UNREACHABLE"
    RETRYABLE = True

    def __init__(self, message: str = "", fields: Mapping[str, Any] | None = None, name: str = "") -> None:
        super().__init__(message, fields, name)
        # No daemon was met since the client was made: that is not waited out.
        self.never_there = False
        # There was no connection to send it over: nothing was done.
        self.unsent = False


class Untrusted(DomedError):
    """The socket belongs to another user; nothing was sent."""

    NAME = "E_UNTRUSTED"


class ProtocolError(DomedError):
    """An answer that is none."""

    NAME = "E_PROTOCOL"


class DigestMismatch(DomedError):
    """The events that came are not those of which the daemon tells the digest."""

    NAME = "E_DIGEST"


class JobFailed(Exception):
    """A job that was to succeed did not; ``outcome`` says how it ended."""

    def __init__(self, message: str, outcome: Any) -> None:
        super().__init__(message)
        self.outcome = outcome


_BY_NAME: dict[str, type[DomedError]] = {
    each.NAME: each
    for each in (
        InvalidRequest, UnknownMethod, NotFound, Gone, LogChanged, CursorAhead, Compacted,
        IdempotencyKeyReused, Unauthorized, Forbidden, BatchMismatch, BatchGap, Sealed,
        InvalidTransition, TooLarge, PolicyDenied, Busy, Starting, StoreFailed, InternalError,
        Unreachable, Untrusted, ProtocolError, DigestMismatch,
    )
}  # fmt: skip


def is_unwell(error: DomedError) -> bool:
    """Who answers so cannot do now what is asked of it; another node on the same store may."""
    if error.name == "E_BUSY":
        return error.fields.get("stopping") is True
    return error.name == "E_STARTING" or (error.name == "E_STORE" and error.retryable)


def error_of(name: str, message: str, fields: Mapping[str, Any]) -> DomedError:
    """The error that a daemon names; a name that is not known here is a plain :class:`DomedError`."""
    return _BY_NAME.get(name, DomedError)(message, fields, name)
