"""SP, the wire protocol of nng, on a stream of bytes.

Each side says hello at once: ``00 'S' 'P' 00``, its role as 16 bits, ``00 00``.  Then come messages: over
a Unix socket a byte 01, everywhere the length as 64 bits, and so many bytes.  Numbers are big-endian.
A request and its reply begin with the request's id: four bytes, the highest bit set.
"""

from __future__ import annotations

PUB, SUB, REQ, REP = 0x20, 0x21, 0x30, 0x31
HELLO_BYTES = 8
ID_BYTES = 4
ID_BIT = 0x80000000
MOST_MESSAGE_BYTES = 64 << 20
_PEER = {REQ: REP, SUB: PUB, REP: REQ, PUB: SUB}


class NotSP(Exception):
    """The other side speaks something else."""


def hello(role: int) -> bytes:
    return b"\0SP\0" + role.to_bytes(2, "big") + b"\0\0"


def peer_of(role: int) -> int:
    """The role that a socket of "role" talks to."""
    return _PEER[role]


def header(ipc: bool, size: int) -> bytes:
    """What stands before a message of "size" bytes."""
    return (b"\1" if ipc else b"") + size.to_bytes(8, "big")


class Splitter:
    """Takes a stream apart that comes in pieces of any size.

    No memory is taken for bytes that have only been announced.
    """

    def __init__(self, ipc: bool, most: int = MOST_MESSAGE_BYTES) -> None:
        self._ipc = ipc
        self._most = most
        self._header = 9 if ipc else 8
        self._chunks: list[bytes] = []
        self._have = 0
        self._need = self._header

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are whole by now.  Raises :class:`NotSP` for what is none."""
        self._chunks.append(data)
        self._have += len(data)
        # The first byte of a message is looked at as soon as it is there: garbage that is shorter than
        # a header would be waited behind for ever.
        if self._have < self._need:
            if self._ipc and self._chunks[0][:1] not in (b"", b"\1"):
                raise NotSP("a message does not begin with the byte 1")
            return []
        buffer = data if len(self._chunks) == 1 else b"".join(self._chunks)
        messages: list[bytes] = []
        at = 0
        while True:
            begin = at + self._header
            if self._ipc and len(buffer) > at and buffer[at] != 1:
                raise NotSP("a message does not begin with the byte 1")
            if len(buffer) < begin:
                self._need = self._header
                break
            size = int.from_bytes(buffer[begin - 8 : begin], "big")
            if size > self._most:
                raise NotSP(f"a message of {size} bytes is announced")
            if len(buffer) < begin + size:
                self._need = self._header + size
                break
            at = begin + size
            messages.append(buffer[begin:at])
        rest = buffer[at:] if at else buffer
        self._chunks = [rest] if rest else []
        self._have = len(rest)
        return messages
