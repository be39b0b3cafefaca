"""Connections: SP over asyncio, to the first of a few URLs that answers."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import socket
from collections import deque
from typing import Callable, NamedTuple, Sequence

from . import sp
from .endpoint import Endpoint, Identity
from .errors import DomedError, Unreachable, Untrusted

log = logging.getLogger("domed")

GREETING_TIME = 5.0  # of one URL
GREETING_TIME_OF_SEVERAL = 1.0
CONNECT_TIME = 2.0  # without any connection for so long, a daemon that was there is taken to be gone
PAUSE_FIRST, PAUSE_MOST = 0.05, 1.0
_HELD_FRAMES = 8192  # of one follower; the oldest go, and it pages
_HELD_BYTES = 64 << 20


class Wire(asyncio.Protocol):
    """One connection.  "received" gets its messages, "lost" is called once when it has ended."""

    def __init__(
        self,
        endpoint: Endpoint,
        identity: Identity,
        role: int,
        received: Callable[[list[bytes]], None],
        lost: Callable[[str], None],
    ) -> None:
        self.endpoint = endpoint
        self._identity = identity
        self._role = role
        self._received = received
        self._lost: Callable[[str], None] | None = lost
        self._expected = sp.hello(sp.peer_of(role))
        self._greeting = b""
        self._splitter = sp.Splitter(endpoint.ipc)
        self._transport: asyncio.Transport | None = None
        self._why = "the connection was closed"
        self.untrusted: Untrusted | None = None
        self.up: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        connection = transport.get_extra_info("socket")
        try:
            if self.endpoint.ipc:
                self._identity.check_peer(self.endpoint, connection)
            else:
                _prepare_tcp(connection)
        except Untrusted as error:
            self.untrusted = error
            return self.end(error.message)
        except OSError as error:
            return self.end(str(error))
        transport.write(sp.hello(self._role))

    def data_received(self, data: bytes) -> None:
        if self._lost is None:
            return
        if not self.up.done():
            part = sp.HELLO_BYTES - len(self._greeting)
            self._greeting, data = self._greeting + data[:part], data[part:]
            # At the first byte that is wrong: what speaks another protocol may wait for us to speak.
            if not self._expected.startswith(self._greeting):
                return self.end("what answers there is no such socket of domed")
            if len(self._greeting) < sp.HELLO_BYTES:
                return
            if self._role == sp.REQ and self.endpoint.scheme == "tcp":
                assert self._transport is not None
                try:  # only now: a connection that nobody has accepted yet is nobody's
                    self._identity.check_token(self.endpoint, self._transport.get_extra_info("socket"))
                except Untrusted as error:
                    self.untrusted = error
                    return self.end(error.message)
            self.up.set_result(None)
            if not data:
                return
        try:
            messages = self._splitter.feed(data)
        except sp.NotSP as error:
            return self.end(str(error))
        if messages:
            self._received(messages)

    def connection_lost(self, error: Exception | None) -> None:
        self._over(str(error) if error else self._why)

    @property
    def over(self) -> bool:
        return self._lost is None

    def send(self, *parts: bytes) -> None:
        assert self._transport is not None
        message = b"".join(parts)
        self._transport.write(sp.header(self.endpoint.ipc, len(message)) + message)

    def end(self, why: str) -> None:
        self._why = why
        if self._transport is not None:
            self._transport.abort()
        self._over(why)

    def _over(self, why: str) -> None:
        lost, self._lost = self._lost, None
        if not self.up.done():
            self.up.set_exception(self.untrusted or ConnectionError(why))
            self.up.exception()  # looked at: nobody may wait for it any more
        if lost is not None:
            lost(why)


def _prepare_tcp(connection: socket.socket) -> None:
    # A peer that went without a word, or a way to it that did, is found out within half a minute.
    for level, option, value in (
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
        (socket.IPPROTO_TCP, 18, 30_000),  # TCP_USER_TIMEOUT of Linux
    ):
        connection.setsockopt(level, option, value)


async def dial(wire: Wire, identity: Identity, timeout: float) -> None:
    """Returns when both sides said hello.  Raises OSError, TimeoutError or Untrusted."""
    loop = asyncio.get_running_loop()
    endpoint = wire.endpoint
    try:
        async with asyncio.timeout(timeout):
            if endpoint.ipc:
                identity.check_directory(endpoint)
                await loop.create_unix_connection(lambda: wire, endpoint.path)
            else:
                tls = identity.tls() if endpoint.scheme == "tls+tcp" else None
                await loop.create_connection(lambda: wire, endpoint.host, endpoint.port, ssl=tls)
            await asyncio.shield(wire.up)
    except BaseException as error:
        wire.end(str(error) or type(error).__name__)
        raise


class Link:
    """A connection to the first of a few URLs that answers, made again when it is lost.

    URLs are tried in their order.  The first that answers is kept until it fails; then it begins with the
    first again (behind one that was dropped, with the next), after a pause that doubles while nothing is
    heard.  It connects while somebody waits for it, or "kept" is true.
    """

    def __init__(self, endpoints: Sequence[Endpoint], identity: Identity, role: int, kept: bool = False) -> None:
        self.endpoints = list(endpoints)
        self.identity = identity
        self.role = role
        self.wire: Wire | None = None
        self.ever_up = False
        self.heard_at = 0.0
        self.received: Callable[[list[bytes]], None] = lambda messages: None
        self.connected: Callable[[], None] = lambda: None
        self.lost: Callable[[str, str], None] = lambda url, why: None
        self._kept = kept
        self._at = self._in_use = 0
        self._pause = PAUSE_FIRST
        self._task: asyncio.Task[None] | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._failures: list[str] = []
        self._untrusted: Untrusted | None = None
        self._closed = False
        if kept:
            self._begin()

    @property
    def endpoint(self) -> Endpoint:
        """That is connected to or, where there is none, the next one."""
        return self.wire.endpoint if self.wire else self.endpoints[self._at]

    async def await_up(self, patience: float) -> Wire:
        """Raises Unreachable after "patience" seconds, Untrusted at once."""
        if self.wire is not None:
            return self.wire
        if self._closed:
            raise Unreachable("the client was closed")
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._begin()
        try:
            async with asyncio.timeout(max(patience, 0.001)):
                await waiter
        except TimeoutError:
            failures = ", nor at ".join(self._failures) or f"{self.endpoint.url} (it does not greet)"
            error = Unreachable(
                f"no daemon answers at {failures}: start one with 'domed --config FILE', or name another with DOMED_ENDPOINT"
            )
            raise error from None
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
        if self.wire is None:  # lost again in the same moment
            raise Unreachable(f"lost the connection to {self.endpoint.url}")
        return self.wire

    def drop(self, why: str) -> None:
        """Ends the connection, so that another is made, at the next URL."""
        if self.wire is not None:
            self._at = (self._in_use + 1) % len(self.endpoints)
            self.wire.end(why)

    def close(self) -> list[asyncio.Task[None]]:
        """Ends it at once; the tasks that are then to be waited for."""
        self._closed = True
        tasks = [] if self._task is None else [self._task]
        for task in tasks:
            task.cancel()
        if self.wire is not None:
            self.wire.end("the client was closed")
        self._wake(Unreachable("the client was closed"))
        return tasks

    def _begin(self) -> None:
        if self._task is None and self.wire is None and not self._closed:
            self._task = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        limit = GREETING_TIME if len(self.endpoints) == 1 else GREETING_TIME_OF_SEVERAL
        try:
            while self._kept or self._waiters:
                failures, untrusted = [], None
                for _ in self.endpoints:
                    endpoint = self.endpoints[self._at]
                    wire = Wire(endpoint, self.identity, self.role, self._messages, self._ended)
                    try:
                        await dial(wire, self.identity, limit)
                    except Untrusted as error:
                        untrusted = Untrusted(error.message)  # one without a traceback, which holds this frame
                    except (OSError, TimeoutError, ValueError) as error:
                        failures.append(f"{endpoint.url} ({str(error) or 'it does not greet'})")
                    else:
                        if self._is_up(wire):
                            return
                    self._at = (self._at + 1) % len(self.endpoints)
                self._failures = failures
                if untrusted is not None:
                    self._wake(untrusted)
                await asyncio.sleep(self._pause)
                self._pause = min(self._pause * 2, PAUSE_MOST)
        finally:
            self._task = None

    def _is_up(self, wire: Wire) -> bool:
        if wire.over:  # ended before anybody could use it
            return False
        self.wire, self.ever_up, self._in_use, self._at = wire, True, self._at, 0
        self._task = None
        self.connected()
        self._wake(None)
        return True

    def _wake(self, error: DomedError | None) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(error) if error else waiter.set_result(None)

    def _messages(self, messages: list[bytes]) -> None:
        self.heard_at = asyncio.get_running_loop().time()
        self._pause = PAUSE_FIRST
        self.received(messages)

    def _ended(self, why: str) -> None:
        if self.wire is None:
            return
        url = self.wire.endpoint.url
        self.wire = None
        self.lost(url, why)
        if self._kept or self._waiters:
            self._begin()


class Reply(NamedTuple):
    body: bytes
    url: str  # of who gave it


class Channel:
    """Requests, any number at a time, over one link.

    Each is answered, or fails with Unreachable: whether it was done is not known then.  It is not repeated
    here.
    """

    def __init__(self, endpoints: Sequence[Endpoint], identity: Identity, connect_wait: float) -> None:
        self._link = Link(endpoints, identity, sp.REQ)
        self._link.received = self._received
        self._link.lost = self._lost
        self._connect_wait = connect_wait
        self._first_try: float | None = None
        self._next_id = random.getrandbits(31)
        self._pending: dict[int, asyncio.Future[bytes]] = {}

    @property
    def endpoint(self) -> Endpoint:
        return self._link.endpoint

    async def ask(self, before: bytes, after: bytes, timeout: float, only_at: str | None = None) -> Reply:
        """The reply to "before" + "after", between which a token goes where the endpoint takes one.

        "only_at": it fails at once, unsent, where another URL is connected to, or none.
        """
        loop = asyncio.get_running_loop()
        link = self._link
        wire = link.wire
        if only_at is not None and (wire is None or wire.endpoint.url != only_at):
            raise _unsent(Unreachable(f"lost the connection to {only_at}"))
        if wire is None:
            wire = await self._await_up(timeout)
        self._next_id = (self._next_id + 1) & 0x7FFFFFFF
        word = self._next_id | sp.ID_BIT
        future: asyncio.Future[bytes] = loop.create_future()
        self._pending[word] = future
        begun = loop.time()
        token = link.identity.token
        middle = b"" if token is None or wire.endpoint.ipc else b'"token":' + json.dumps(token).encode() + b","
        wire.send(word.to_bytes(4, "big"), before, middle, after)
        timer = loop.call_later(timeout, self._timed_out, word)
        try:
            return Reply(await future, wire.endpoint.url)
        except TimeoutError:
            # One that is silent while others might not be.
            if len(link.endpoints) > 1 and link.heard_at < begun and link.wire is wire:
                link.drop("it fell silent")
            raise Unreachable(f"no answer from {wire.endpoint.url} within {timeout:.1f} s") from None
        finally:
            timer.cancel()
            self._pending.pop(word, None)

    async def _await_up(self, timeout: float) -> Wire:
        link = self._link
        if link.ever_up:
            try:
                return await link.await_up(min(timeout, CONNECT_TIME))
            except Unreachable as error:
                raise _unsent(error)
        now = asyncio.get_running_loop().time
        if self._first_try is None:
            self._first_try = now()
        patience_ends = self._first_try + self._connect_wait
        try:
            return await link.await_up(min(timeout, max(patience_ends - now(), 0.0)))
        except Unreachable as error:
            # An attempt may be shorter than the patience, which is that of all of them together.
            error.never_there = not link.ever_up and now() >= patience_ends
            raise _unsent(error)

    def leave(self, url: str) -> None:
        """With several URLs the next one is tried: "url" cannot do what it is asked."""
        link = self._link
        if len(link.endpoints) > 1 and link.wire is not None and link.wire.endpoint.url == url:
            link.drop("it cannot do now what it is asked")

    def close(self) -> list[asyncio.Task[None]]:
        return self._link.close()

    def _timed_out(self, word: int) -> None:
        future = self._pending.get(word)
        if future is not None and not future.done():
            future.set_exception(TimeoutError())

    def _received(self, messages: list[bytes]) -> None:
        for message in messages:
            if len(message) < sp.ID_BYTES:
                if self._link.wire is not None:
                    self._link.wire.end("a reply without an id")
                return
            future = self._pending.get(int.from_bytes(message[:4], "big"))
            if future is not None and not future.done():
                future.set_result(message[4:])

    def _lost(self, url: str, why: str) -> None:
        for future in list(self._pending.values()):
            if not future.done():
                future.set_exception(Unreachable(f"lost the connection to {url}: {why}"))


def _unsent(error: Unreachable) -> Unreachable:
    error.unsent = True
    return error


class Mailbox:
    """The frames of one follower, as they came; bounded, the oldest go first."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self.reconnects = 0
        self.came = asyncio.Event()

    def put(self, frame: bytes) -> None:
        self._frames.append(frame)
        self._bytes += len(frame)
        while len(self._frames) > _HELD_FRAMES or self._bytes > _HELD_BYTES:
            self._bytes -= len(self._frames.popleft())
        self.came.set()

    def take(self) -> bytes | None:
        if not self._frames:
            self.came.clear()
            return None
        frame = self._frames.popleft()
        self._bytes -= len(frame)
        return frame


class Subscription:
    """One events socket, for all followers of a client: a PUB socket sends everything to everybody, and
    who subscribes chooses here."""

    def __init__(self, endpoint: Endpoint, identity: Identity) -> None:
        self._link = Link([endpoint], identity, sp.SUB, kept=True)
        self._link.received = self._received
        self._link.connected = self._connected
        self._mailboxes: dict[bytes, list[Mailbox]] = {}

    def add(self, topics: Sequence[bytes]) -> Mailbox:
        mailbox = Mailbox()
        for topic in topics:
            self._mailboxes.setdefault(topic, []).append(mailbox)
        return mailbox

    def remove(self, mailbox: Mailbox) -> None:
        for topic in list(self._mailboxes):
            boxes = self._mailboxes[topic]
            if mailbox in boxes:
                boxes.remove(mailbox)
            if not boxes:
                del self._mailboxes[topic]

    @property
    def used(self) -> bool:
        return bool(self._mailboxes)

    async def await_up(self, patience: float) -> None:
        try:
            await self._link.await_up(patience)
        except Unreachable:
            pass

    def close(self) -> list[asyncio.Task[None]]:
        return self._link.close()

    def _received(self, messages: list[bytes]) -> None:
        for message in messages:
            topic = message[: message.find(b"\n") + 1]
            for mailbox in self._mailboxes.get(topic, ()):
                mailbox.put(message)

    def _connected(self) -> None:
        for boxes in self._mailboxes.values():
            for mailbox in boxes:
                mailbox.reconnects += 1
                mailbox.came.set()
