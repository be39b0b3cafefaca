"""Events: a line as the daemon sent it, decoded where it is looked at."""

from __future__ import annotations

import base64
import binascii
import datetime
import json
import re
from typing import Any

from .errors import ProtocolError

TERMINAL_STATES = frozenset(("succeeded", "failed", "canceled"))

# A line is canonical, its keys in one order (docs/protocol.md, Event lines).
_HEAD = re.compile(
    rb'\{"job_id":("(?:[^"\\]|\\.)*"),"seq":(\d+),"ts":"([^"\\]*)",(?:"t":(-?\d+),)?'
    rb'"type":("(?:[^"\\]|\\.)*"),"payload":(?=\{)'
)
_STATE_CHANGE = b'"type":"state_change"'


class Event:
    """One event of a job's log.

    ``line`` is the event line's own bytes, of which a digest is; everything else is read from it when it
    is asked for.  Equal (``log_id``, ``seq``) means equal bytes, for ever.
    """

    __slots__ = ("log_id", "seq", "line", "_head", "_payload")

    log_id: str
    seq: int
    line: bytes

    def __init__(self, log_id: str, seq: int, line: bytes) -> None:
        self.log_id = log_id
        self.seq = seq
        self.line = line

    def _match(self) -> re.Match[bytes]:
        try:
            return self._head
        except AttributeError:
            pass
        match = _HEAD.match(self.line)
        if match is None:
            raise ProtocolError(f"event {self.seq} is no event line: {self.line[:200]!r}")
        self._head: re.Match[bytes] = match
        return match

    @property
    def job_id(self) -> str:
        return str(json.loads(self._match()[1]))

    @property
    def ts(self) -> str:
        """When the daemon took the event, as it wrote it: UTC with microseconds."""
        return self._match()[3].decode()

    @property
    def time(self) -> datetime.datetime:
        """When it happened: by its producer's clock where that said so, else ``ts``."""
        if (t := self.t) is not None:
            return datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(microseconds=t)
        return datetime.datetime.fromisoformat(self.ts)

    @property
    def t(self) -> int | None:
        """When it happened by its producer's clock, in microseconds since 1970, where that differs."""
        t = self._match()[4]
        return None if t is None else int(t)

    @property
    def type(self) -> str:
        quoted = self._match()[5]
        return str(json.loads(quoted)) if b"\\" in quoted else quoted[1:-1].decode()

    @property
    def payload_bytes(self) -> bytes:
        """The payload as its producer wrote it."""
        return self.line[self._match().end() : -1]

    @property
    def payload(self) -> dict[str, Any]:
        """The payload, decoded; the same object each time."""
        try:
            return self._payload
        except AttributeError:
            pass
        try:
            payload: dict[str, Any] = json.loads(self.payload_bytes.decode())
        except ValueError as error:
            raise ProtocolError(f"event {self.seq} has no JSON payload: {error}") from None
        self._payload: dict[str, Any] = payload
        return payload

    @property
    def is_terminal(self) -> bool:
        """Whether this is the event that ends the job; nothing ever follows it."""
        # Few lines hold these bytes, and only those are taken apart.
        if _STATE_CHANGE not in self.line or self.type != "state_change":
            return False
        return self.payload.get("to") in TERMINAL_STATES

    @property
    def stream(self) -> str | None:
        """Of a ``log`` event: ``stdout``, ``stderr``, or what its producer called it."""
        stream = self.payload.get("stream")
        return stream if isinstance(stream, str) else None

    @property
    def output(self) -> bytes:
        """The bytes of a stream that a ``log`` event stands for, its line feed included."""
        if self.type != "log":
            return b""
        payload = self.payload
        text, b64 = payload.get("text"), payload.get("b64")
        if isinstance(text, str):
            out = text.encode("utf-8", "surrogatepass")
        elif isinstance(b64, str):
            try:
                out = base64.b64decode(b64, validate=True)
            except binascii.Error:
                return b""
        else:
            return b""
        return out if payload.get("eol") is False else out + b"\n"

    @property
    def text(self) -> str:
        """:attr:`output` as text, without its line feed; bytes that are no UTF-8 are replaced."""
        text = self.payload.get("text") if self.type == "log" else None
        return text if isinstance(text, str) else self.output.removesuffix(b"\n").decode("utf-8", "replace")

    def as_dict(self) -> dict[str, Any]:
        """The whole line, decoded."""
        return dict(json.loads(self.line))

    def __repr__(self) -> str:
        return f"<Event {self.seq} {self.line[:160].decode('utf-8', 'replace')}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Event):
            return NotImplemented
        return (self.log_id, self.seq, self.line) == (other.log_id, other.seq, other.line)

    def __hash__(self) -> int:
        return hash((self.log_id, self.seq))
