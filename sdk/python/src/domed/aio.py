"""The client for asyncio."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import os
from types import TracebackType
from typing import Any, AsyncIterator, Callable, Concatenate, Mapping, ParamSpec, Sequence, TypeVar

from .endpoint import Identity, default_endpoint, endpoint_of, endpoints_of
from .errors import DigestMismatch, DomedError, ProtocolError, Unreachable, is_unwell
from .event import Event
from .follow_state import PAUSE_FIRST, PAUSE_MOST, FollowState, Step
from .making import MAKES_A_JOB, Making
from .model import Ack, Json, Outcome, Page, Position, Request, Status, Submitted, time_text, to_json
from .page import read_frame, read_page, result_of
from .producer import AsyncProducer
from .wire import Channel, Mailbox, Reply, Subscription

log = logging.getLogger("domed")

REPLY_TIMEOUT = 10.0
TIMEOUT = 30.0
SNAPSHOT_PATIENCE = 15.0  # a snapshot shows what there is now: it does not wait for a daemon to come back
SUBSCRIBE_PATIENCE = 0.1  # how long a page may wait for frames to come
TELL_FIRST, TELL_AGAIN = 1.0, 30.0

Jsons = list[Json]  # within the clients "list" is a method
P = ParamSpec("P")
S = TypeVar("S")
R = TypeVar("R")


def takes_request(
    make: Callable[P, Request],
) -> Callable[[Callable[[S, Request], R]], Callable[Concatenate[S, P], R]]:
    """A method of a Request that is called with what makes one: the parameters stand in one place."""

    def wrap(method: Callable[[S, Request], R]) -> Callable[Concatenate[S, P], R]:
        @functools.wraps(method)
        def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            return method(self, make(*args, **kwargs))

        own = list(inspect.signature(method).parameters.values())[:1]
        rest = list(inspect.signature(make).parameters.values())
        call.__signature__ = inspect.Signature(own + rest)  # type: ignore[attr-defined]
        return call

    return wrap


class AsyncClient:
    """A daemon, as asyncio sees it.

    "endpoint" is a URL or several, ``URL,URL``, tried in this order; None: ``DOMED_ENDPOINT``, else the
    user's own daemon.  Nothing is dialled before the first call, which waits for a daemon for
    "connect_wait" seconds.  Calls are repeated over lost connections and retryable errors, with the same
    bytes, for up to "timeout" seconds: every method is idempotent.  What one of several nodes does not
    answer, because it is gone, silent, stopping or without its store, the next one is asked; a job that may
    have been made already only where that knows its sender as the same.

    To be used on one event loop.  ``async with`` closes it.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        ca: str | None = None,
        cert: str | None = None,
        key: str | None = None,
        token: str | None = None,
        token_file: str | None = None,
        user: str | int | None = None,
        connect_wait: float = 2.0,
        timeout: float = TIMEOUT,
        reply_timeout: float = REPLY_TIMEOUT,
    ) -> None:
        self.identity = Identity.from_environment(ca, cert, key, token, token_file, user)
        self.endpoints = endpoints_of(endpoint or default_endpoint())
        self.timeout = timeout
        self.reply_timeout = reply_timeout
        self._connect_wait = connect_wait
        self._channel_: Channel | None = None
        self._subscriptions: dict[str, Subscription] = {}
        self._next_id = 0
        self._trouble_since: float | None = None
        self._trouble_told: float | None = None
        self._features: frozenset[str] | None = None

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        tasks = [task for subscription in self._subscriptions.values() for task in subscription.close()]
        self._subscriptions.clear()
        if self._channel_ is not None:
            tasks += self._channel_.close()
            self._channel_ = None
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # for the transports to end

    @property
    def endpoint(self) -> str:
        """The URL that is used now."""
        return self._channel.endpoint.url

    # Jobs.

    @takes_request(Request)
    async def submit(self, request: Request) -> Submitted:
        """SubmitJob: returns when the daemon has the job, not when that is over.

        Takes what :class:`Request` takes: ``await client.submit(["make", "test"], labels={"ref": "main"})``.
        """
        return Submitted.of(await self.call("SubmitJob", request.params()))

    @takes_request(Request)
    async def run(self, request: Request) -> Outcome:
        """Submits a job, follows it to its end, and returns how it ended and what it wrote.

        All output is kept in memory; :meth:`follow` does not.
        """
        job = Submitted.of(await self.call("SubmitJob", request.params()))
        async with self.follow(job.job_id, log_id=job.log_id) as follower:
            return await follower.outcome()

    def follow(
        self,
        job_id: str,
        *,
        since: int = 0,
        resume: Position | str | None = None,
        log_id: str | None = None,
        tail: bool = True,
        frames: bool | None = None,
        verify: bool = False,
        max_events: int = 0,
        timeout: float | None = None,
    ) -> AsyncFollower:
        """The job's events, each once and in order, until its end, over whatever happens to connections and
        daemons: ``async for event in client.follow(job_id)``.

        "since": begin behind that seq.  "resume": begin where another follower stood (its
        :attr:`~AsyncFollower.position`), in that log and no other.  Without "tail" it ends at the head
        there is now.  "frames" False: by long polls alone.  "verify": compare the digest of what came with
        the daemon's, and raise DigestMismatch (where it begins at 0).  After "timeout" seconds:
        TimeoutError.

        Raises what tells of a loss: NotFound, Gone, LogChanged, CursorAhead, Compacted.
        """
        if resume is not None:
            position = Position.parse(resume) if isinstance(resume, str) else resume
            since, log_id = position.seq, position.log_id
        return AsyncFollower(self, job_id, since, log_id or "", tail, frames, verify, max_events, timeout)

    async def status(self, job_id: str) -> Status:
        return Status(await self.call("GetJobStatus", {"job_id": job_id}))

    async def provenance(self, job_id: str) -> Json | None:
        """Which code, tools and machine a run was made of; None until it starts."""
        return (await self.status(job_id)).provenance

    async def wait(self, job_id: str, timeout: float | None = None) -> Status:
        """Waits for the job's end."""
        head = (await self.status(job_id)).head_seq
        async with self.follow(job_id, since=head, timeout=timeout) as follower:
            async for _ in follower:
                pass
        return await self.status(job_id)

    async def list_page(
        self,
        *,
        state: str | None = None,
        label: str | None = None,
        tool: str | None = None,
        submitter: str | None = None,
        since: Any = None,
        limit: int | None = None,
        page: str | None = None,
    ) -> Page:
        """One page of ListJobs, newest first; it may be short, even empty, where ``next_page`` goes on."""
        params = {
            "state": state, "label": label, "tool_id": tool, "submitter": submitter,
            "since": None if since is None else time_text(since), "limit": limit, "page": page,
        }  # fmt: skip
        result = await self.call("ListJobs", {name: value for name, value in params.items() if value is not None})
        return Page([Status(job) for job in result["jobs"]], result.get("next_page"))

    async def list(
        self,
        *,
        state: str | None = None,
        label: str | None = None,
        tool: str | None = None,
        submitter: str | None = None,
        since: Any = None,
    ) -> AsyncIterator[Status]:
        """All jobs that fit, newest first: ``async for job in client.list(state="running")``."""
        page: str | None = None
        while True:
            found = await self.list_page(
                state=state, label=label, tool=tool, submitter=submitter, since=since, page=page
            )
            for job in found.jobs:
                yield job
            page = found.next_page
            if page is None:
                return

    async def cancel(self, job_id: str, reason: str | None = None) -> Json:
        return await self.call("CancelJob", _with_reason(job_id, reason))

    async def hold(self, job_id: str, reason: str | None = None) -> Json:
        return await self.call("HoldJob", _with_reason(job_id, reason))

    async def release(self, job_id: str, reason: str | None = None) -> Json:
        return await self.call("ReleaseJob", _with_reason(job_id, reason))

    async def pause(self, job_id: str, reason: str | None = None) -> Json:
        """Lets a running command stand still; what its timeout counts stands still, too."""
        return await self.call("PauseJob", _with_reason(job_id, reason))

    async def resume(self, job_id: str, reason: str | None = None) -> Json:
        return await self.call("ResumeJob", _with_reason(job_id, reason))

    async def retry(
        self, job_id: str, *, key: str | None = None, env: dict[str, str | None] | None = None
    ) -> Submitted:
        """A new job with the request of one that is over, and other variables, None takes one away."""
        params: Json = {"job_id": job_id, **Request(key=key).params()}
        if env is not None:
            params["env"] = env
        return Submitted.of(await self.call("RetryJob", params))

    async def delete(self, job_id: str) -> Json:
        return await self.call("DeleteJob", {"job_id": job_id})

    # Producers.

    async def append(
        self, job_id: str, token: str, producer_id: str, batch: int, events: Sequence[Mapping[str, Any]]
    ) -> Ack:
        """AppendJobEvents: one batch, answered.  Many are the affair of :meth:`producer`."""
        params: Json = {"job_id": job_id, "producer_id": producer_id, "producer_token": token, "events": list(events)}
        if events:
            params["batch"] = batch
        return Ack.of(batch, await self.call("AppendJobEvents", params))

    def producer(self, job_id: str, token: str, **options: Any) -> AsyncProducer:
        """A producer of the job's events; options are those of :class:`AsyncProducer`."""
        return AsyncProducer(self, job_id, token, **options)

    # The daemon.

    async def health(self) -> Json:
        return await self.call("Health", {})

    async def whoami(self) -> Json:
        return await self.call("WhoAmI", {})

    async def capabilities(self) -> Json:
        return await self.call("ListCapabilities", {})

    async def features(self) -> frozenset[str]:
        """The names of what not every daemon of this protocol has; asked once."""
        if self._features is None:
            self._features = frozenset((await self.capabilities()).get("features", ()))
        return self._features

    async def tools(self) -> Jsons:
        return [*(await self.call("ListTools", {}))["tools"]]

    async def tool(self, tool_id: str) -> Json:
        return await self.call("GetTool", {"tool_id": tool_id})

    async def call(
        self, method: str, params: Mapping[str, Any] | None = None, *, timeout: float | None = None, repeat: bool = True
    ) -> Json:
        """Any method of the protocol."""
        params = params or {}
        held = params.get("wait_ms")
        reply_timeout = self.reply_timeout + (held / 1000 if isinstance(held, (int, float)) else 0.0)
        body = to_json(params).encode()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self.timeout if timeout is None else timeout)
        pause, answer = PAUSE_FIRST, None
        making = Making(self, params) if method in MAKES_A_JOB and len(self.endpoints) > 1 else None
        # The same bytes, but for the id: whether the request was done or not cannot be known.
        while True:
            try:
                at = None if making is None else await making.place(max(deadline - loop.time(), 0.001))
                left = max(deadline - loop.time(), 0.001)
                reply = await self._ask(method, body, min(reply_timeout, left), at)
                result = self._read(reply, result_of)
                self._trouble_over()
                return result
            except DomedError as caught:
                error = caught if making is None else making.failed(caught)
                if error is not caught or not repeat or not error.retryable or _never_there(error):
                    raise error from None
                if not isinstance(error, Unreachable):
                    answer = error  # says more than that time ran out
                wait = error.retry_after or pause
                if loop.time() + wait >= deadline:
                    raise (making and making.unknown()) or answer or error from None
                self._met(error)
                await asyncio.sleep(wait)
                pause = min(pause * 2, PAUSE_MOST)

    # Within.

    @property
    def _channel(self) -> Channel:
        if self._channel_ is None:
            self._channel_ = Channel(self.endpoints, self.identity, self._connect_wait)
        return self._channel_

    async def _ask(self, method: str, params: bytes, timeout: float, only_at: str | None = None) -> Reply:
        """One attempt; the whole reply."""
        self._next_id += 1
        before = b'{"jsonrpc":"2.0","id":%d,' % self._next_id
        after = b'"method":"%s","params":%s}' % (method.encode(), params)
        return await self._channel.ask(before, after, timeout, only_at)

    def _read(self, reply: Reply, read: Callable[[bytes], R]) -> R:
        """What "read" makes of the reply; a node that says that it cannot do what it is asked is left."""
        try:
            return read(reply.body)
        except DomedError as error:
            if is_unwell(error):
                self._channel.leave(reply.url)
            raise

    def _takes_frames(self, url: str) -> bool:
        # An events socket takes no token: who has nothing else is not let in there.
        return endpoint_of(url).ipc or self.identity.token is None or self.identity.cert is not None

    def _subscription(self, url: str) -> Subscription:
        if url not in self._subscriptions:
            self._subscriptions[url] = Subscription(endpoint_of(url), self.identity)
        return self._subscriptions[url]

    def _leave(self, url: str, mailbox: Mailbox) -> None:
        subscription = self._subscriptions.get(url)
        if subscription is None:
            return
        subscription.remove(mailbox)
        if not subscription.used:
            del self._subscriptions[url]
            subscription.close()

    def _met(self, error: DomedError) -> None:
        """Tells, by the log, what calls and followers wait out."""
        now = asyncio.get_running_loop().time()
        if self._trouble_since is None:
            self._trouble_since = now
        told = self._trouble_told
        if now < self._trouble_since + TELL_FIRST or (told is not None and now < told + TELL_AGAIN):
            return
        self._trouble_told = now
        log.warning("waiting: %s", error)

    def _trouble_over(self) -> None:
        if self._trouble_told is not None:
            log.warning("the daemon at %s answers again", self.endpoint)
        self._trouble_since = self._trouble_told = None


def _with_reason(job_id: str, reason: str | None) -> Json:
    return {"job_id": job_id} if reason is None else {"job_id": job_id, "reason": reason}


def _never_there(error: DomedError) -> bool:
    return isinstance(error, Unreachable) and error.never_there


class AsyncFollower:
    """A follow of one job; made by :meth:`AsyncClient.follow`.

    Iterate it once: over events, or over :meth:`batches` of them, which is faster.
    """

    def __init__(
        self,
        client: AsyncClient,
        job_id: str,
        since: int,
        log_id: str,
        tail: bool,
        frames: bool | None,
        verify: bool,
        max_events: int,
        timeout: float | None,
    ) -> None:
        self.job_id = job_id
        self._client = client
        self._state = FollowState(
            job_id, since, log_id, tail=tail, frames=frames is not False, max_events=max_events, digest=verify
        )
        self._frames_anyway = frames is True
        self._tail = tail
        self._verify = verify
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._deadline = None if timeout is None else self._began + timeout
        self._seen = since
        self._mailbox: Mailbox | None = None
        self._mailbox_url = ""
        self._reconnects = 0
        self._ahead: tuple[Json, asyncio.Task[Reply]] | None = None
        self._closed = False
        self._last: Event | None = None
        self.end: str | None = None
        """``terminal`` or ``snapshot``, once it has ended; None before, and after a stop or an error."""

    @property
    def position(self) -> Position:
        """Of the last event that was given out: what another follower can resume from."""
        return Position(self._state.log_id, self._seen)

    @property
    def cursor(self) -> int:
        """The seq of the last event that was given out."""
        return self._seen

    @property
    def log_id(self) -> str:
        return self._state.log_id

    @property
    def digest(self) -> str | None:
        """Of all events up to the last one, where "verify" was asked for and it began at 0."""
        return None if self._state.chain is None else self._state.chain.hex()

    async def __aenter__(self) -> AsyncFollower:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def __aiter__(self) -> AsyncIterator[Event]:
        try:
            while (batch := await self.next_batch()) is not None:
                for event in batch:
                    self._seen = event.seq
                    yield event
        finally:
            await self.close()

    async def batches(self) -> AsyncIterator[list[Event]]:
        """Events as they come, several at a time."""
        try:
            while (batch := await self.next_batch()) is not None:
                self._seen = batch[-1].seq
                yield batch
        finally:
            await self.close()

    async def outcome(self) -> Outcome:
        """Follows to the end, and returns how the job ended and what it wrote."""
        output: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
        async for batch in self.batches():
            for event in batch:
                if event.type == "log" and (stream := event.stream) in output:
                    output[stream].append(event.output)
        return outcome_of(self, self._last, b"".join(output["stdout"]), b"".join(output["stderr"]))

    async def close(self) -> None:
        """Ends the follow; the job goes on."""
        self._closed = True
        if self._ahead is not None:
            self._ahead[1].cancel()
            self._ahead = None
        if self._mailbox is not None:
            self._client._leave(self._mailbox_url, self._mailbox)
            self._mailbox = None

    async def next_batch(self) -> list[Event] | None:
        """The next events, at least one; None at the end."""
        state = self._state
        while not self._closed and self.end is None:
            if events := self._frames():
                return self._given(events)
            step = state.next(self._loop.time())
            if step is Step.DONE:
                await self._finish()
                return None
            async with asyncio.timeout_at(self._deadline):
                if step is Step.PAGE:
                    if events := await self._page():
                        return self._given(events)
                elif step is Step.SUBSCRIBE:
                    await self._subscribe()
                else:
                    await self._await_frame()
        return None

    def _given(self, events: list[Event]) -> list[Event]:
        self._last = events[-1]
        return events

    def _frames(self) -> list[Event]:
        """What came meanwhile."""
        box = self._mailbox
        if box is None:
            return []
        if box.reconnects != self._reconnects:
            self._reconnects = box.reconnects
            self._state.reconnected()
        while (message := box.take()) is not None:
            if (frame := read_frame(message)) is not None:
                if events := self._state.frame_came(frame, self._loop.time()):
                    return events
        return []

    async def _page(self) -> list[Event]:
        """One attempt: when to repeat is the state's decision."""
        state, client = self._state, self._client
        try:
            reply = await self._page_reply()
            page = client._read(reply, read_page)
        except DomedError as error:
            if not error.retryable or _never_there(error):
                raise
            if not self._tail and self._loop.time() - self._began >= SNAPSHOT_PATIENCE:
                raise
            client._met(error)
            state.page_failed(self._loop.time(), error.retry_after)
            return []
        client._trouble_over()
        page.endpoint = reply.url
        if not self._frames_anyway and not client._takes_frames(reply.url):
            page.events_urls = []
        events = state.page_came(page, self._loop.time())
        if page.more and state.next(self._loop.time()) is Step.PAGE:
            # On its way while these events are looked at.
            params = state.page_params()
            self._ahead = (params, self._loop.create_task(self._ask_page(params)))
        return events

    async def _page_reply(self) -> Reply:
        params = self._state.page_params()
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            # The state may want another page than was guessed, as when a frame brought the lines meanwhile.
            if ahead[0] == params:
                return await ahead[1]
            ahead[1].cancel()
        return await self._ask_page(params)

    async def _ask_page(self, params: Json) -> Reply:
        timeout = self._client.reply_timeout + params.get("wait_ms", 0) / 1000
        return await self._client._ask("StreamJobEvents", to_json(params).encode(), timeout)

    async def _subscribe(self) -> None:
        state = self._state
        if self._mailbox is not None:
            self._client._leave(self._mailbox_url, self._mailbox)
            self._mailbox = None
        try:
            subscription = self._client._subscription(state.events_url)
        except DomedError:
            state.subscribe_failed()
            return
        self._mailbox_url = state.events_url
        self._mailbox = subscription.add((f"job/{self.job_id}\n".encode(), b"daemon\n"))
        await subscription.await_up(SUBSCRIBE_PATIENCE)
        self._reconnects = self._mailbox.reconnects
        state.subscribed(self._loop.time())

    async def _await_frame(self) -> None:
        now = self._loop.time()
        wait = self._state.wake_at(now) - now
        if self._mailbox is None:
            await asyncio.sleep(max(wait, 0))
            return
        try:
            async with asyncio.timeout(max(wait, 0)):
                await self._mailbox.came.wait()
        except TimeoutError:
            pass

    async def _finish(self) -> None:
        self.end = "terminal" if self._state.terminal else "snapshot"
        digest = self.digest
        await self.close()
        if self._verify and digest is not None:
            status = await self._client.status(self.job_id)
            if status.log_id == self.log_id and status.head_seq == self._state.cursor and status.digest != digest:
                raise DigestMismatch(
                    f"the {self._state.cursor} events of job {self.job_id} come to the digest {digest}, the daemon's is {status.digest}"
                )


def outcome_of(follower: Any, last: Event | None, stdout: bytes, stderr: bytes) -> Outcome:
    if last is None or not last.is_terminal:
        raise ProtocolError(f"the follow of job {follower.job_id} ended without its terminal event")
    payload = last.payload
    return Outcome(
        follower.job_id, last.log_id, str(payload["to"]), payload.get("reason"), payload.get("exit_code"),
        payload.get("signal"), payload.get("message"), last.seq, stdout, stderr,
    )  # fmt: skip


def environment_of_a_run() -> tuple[str, str] | None:
    """Within a job of domed: its id and its producer's token (docs/protocol.md, AppendJobEvents)."""
    job, token = os.environ.get("DOMED_JOB_ID"), os.environ.get("DOMED_PRODUCER_TOKEN")
    return (job, token) if job and token else None
