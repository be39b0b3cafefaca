"""Pages and frames: event lines out of the messages of a daemon, byte for byte, without decoding them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from .errors import DomedError, ProtocolError, error_of

_EVENTS = b'"events":['
_AFTER = b'],"more":'
_FIRST = re.compile(rb'\{"job_id":"(?:[^"\\]|\\.)*","seq":')
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]')
_SEQ = re.compile(rb'\{"job_id":"(?:[^"\\]|\\.)*","seq":(\d+),')


def result_of(reply: bytes) -> dict[str, Any]:
    """The result of a JSON-RPC reply.  Raises the error that it carries."""
    try:
        message = json.loads(reply)
    except ValueError as error:
        raise ProtocolError(f"the daemon sent what is not JSON ({error}): is it a control socket of domed?") from None
    if not isinstance(message, dict):
        raise ProtocolError("the daemon sent what is not a JSON-RPC reply: is it a control socket of domed?")
    result = message.get("result")
    if isinstance(result, dict):
        return result
    raise _error_in(message.get("error"))


def _error_in(error: Any) -> DomedError:
    if not isinstance(error, dict):
        return ProtocolError("the daemon sent neither result nor error")
    data = error.get("data")
    fields = dict(data) if isinstance(data, dict) else {}
    name = fields.pop("error", None)
    return error_of(name if isinstance(name, str) else "E_INTERNAL", str(error.get("message", "")), fields)


@dataclass
class Page:
    """The answer of StreamJobEvents: "lines" are numbered "first_line", "first_line" + 1, ..."""

    log_id: str
    first_seq: int
    head_seq: int
    more: bool
    final: bool
    state: str
    events_urls: list[str] = field(default_factory=list)
    first_line: int = 0
    lines: list[bytes] = field(default_factory=list)
    # No line can be a state_change, as far as its bytes tell.
    plain: bool = False
    endpoint: str = ""  # the URL whose answer it is


def read_page(reply: bytes) -> Page:
    """Reads a reply of StreamJobEvents (without ``lines``).

    The events are cut out of the reply as they stand, because a JSON library would write them anew, and
    because it would take most of the time.
    """
    begin = reply.find(_EVENTS)
    end = reply.rfind(_AFTER)
    if begin < 0 or end < begin + len(_EVENTS) - 1:
        return _page_of(result_of(reply), b"")
    begin += len(_EVENTS)
    events = reply[begin:end]
    try:
        return _page_of(result_of(reply[:begin] + reply[end:]), events)
    except ProtocolError:
        # Of another form: found out by reading all of it.
        return _page_of(result_of(reply), b"")


def _page_of(result: dict[str, Any], events: bytes) -> Page:
    try:
        page = Page(
            log_id=_typed(result["log_id"], str),
            first_seq=_typed(result["first_seq"], int),
            head_seq=_typed(result["head_seq"], int),
            more=_typed(result["more"], bool),
            final=_typed(result["final"], bool),
            state=_typed(result["state"], str),
            events_urls=[url for url in result.get("events_urls", []) if isinstance(url, str)],
        )
        left = result["events"]
    except (KeyError, TypeError) as error:
        raise ProtocolError(f"the daemon sent a page that is none: {error}") from None
    if left:
        raise ProtocolError("the daemon sent a page in another form than the protocol's")
    if events:
        page.first_line, page.lines = _split(events)
        page.plain = b'"type":"state_change"' not in events
    return page


def _typed(value: Any, kind: type) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _split(events: bytes) -> tuple[int, list[bytes]]:
    """Lines between which there are commas, and the seq of the first.

    Between two lines stands ``},`` and what each begins with, which no string can hold, as its quotes
    would be escaped.  A payload may hold it, though.  Then there are more pieces than lines: the numbers
    are not one after the other, or the last piece closes more than it opens.  So both are looked at, and
    what does not fit is cut by its brackets.
    """
    first = _FIRST.match(events)
    if first is None or not events.endswith(b"}"):
        raise ProtocolError(f"the daemon sent what is no event line: {events[:200]!r}")
    prefix = first[0]
    pieces = events[len(prefix) : -1].split(b"}," + prefix)
    number = seq = _leading_number(pieces[0])
    for piece in pieces:
        if not piece.startswith(b"%d," % seq):
            return _split_by_brackets(events)
        seq += 1
    lines = [prefix + piece + b"}" for piece in pieces]
    try:
        json.loads(lines[-1])
    except ValueError:
        return _split_by_brackets(events)
    return number, lines


def _leading_number(piece: bytes) -> int:
    number = piece.partition(b",")[0]
    return int(number) if number.isdigit() else -1


def _split_by_brackets(events: bytes) -> tuple[int, list[bytes]]:
    lines: list[bytes] = []
    depth = begin = 0
    for token in _TOKEN.finditer(events):
        mark = token[0]
        if mark in b"{[":
            if depth == 0:
                begin = token.start()
            depth += 1
        elif mark in b"}]":
            depth -= 1
            if depth == 0:
                lines.append(events[begin : token.end()])
    if depth != 0 or b",".join(lines) != events:
        raise ProtocolError("the daemon sent a page whose events cannot be told apart")
    return _number(lines), lines


def _number(lines: list[bytes]) -> int:
    """The seq of the first line.  Raises where they are not numbered one after the other."""
    seqs = []
    for line in lines:
        match = _SEQ.match(line)
        if match is None:
            raise ProtocolError(f"the daemon sent what is no event line: {line[:200]!r}")
        seqs.append(int(match[1]))
    if seqs != list(range(seqs[0], seqs[0] + len(seqs))):
        raise ProtocolError(f"the daemon's page leaves out events behind seq {seqs[0]}")
    return seqs[0]


@dataclass
class Frame:
    """A message of an events socket (docs/protocol.md, Events); "lines" are "first", "first" + 1, ..."""

    daemon: bool
    epoch: str
    log_id: str = ""
    state: str = ""
    head: int = 0
    first_line: int = 0
    lines: list[bytes] = field(default_factory=list)


def read_frame(message: bytes) -> Frame | None:
    """None: no frame."""
    parts = message.split(b"\n")
    if len(parts) < 3 or parts[-1]:
        return None
    try:
        header = json.loads(parts[1])
        if parts[0] == b"daemon":
            return Frame(True, _typed(header["epoch"], str))
        frame = Frame(
            False,
            _typed(header["epoch"], str),
            _typed(header["log_id"], str),
            _typed(header["state"], str),
            _typed(header["head"], int),
            _typed(header["first"], int),
        )
    except (ValueError, KeyError, TypeError):
        return None
    # What is no line, or of another number, ends the frame: what follows is taken from a page.
    first = _FIRST.match(parts[2])
    if first is not None:
        for seq, line in enumerate(parts[2:-1], frame.first_line):
            if not line.startswith(b"%s%d," % (first[0], seq)):
                break
            frame.lines.append(line)
    return frame
