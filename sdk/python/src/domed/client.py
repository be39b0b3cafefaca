"""The plain client: the same surface as :mod:`domed.aio`, and every call waits."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from types import TracebackType
from typing import Any, Coroutine, Iterator, Mapping, Sequence, TypeVar

from .aio import REPLY_TIMEOUT, TIMEOUT, AsyncClient, AsyncFollower, Jsons, takes_request
from .event import Event
from .model import Ack, Json, Outcome, Page, Position, Request, Status, Submitted
from .producer import AsyncProducer

T = TypeVar("T")
_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_owner = 0
_thread: threading.Thread | None = None


def _running_loop() -> asyncio.AbstractEventLoop:
    """The loop of all plain clients of this process, on a thread of its own; a forked child gets another."""
    global _loop, _owner, _thread
    with _lock:
        if _loop is None or _owner != os.getpid():
            _loop, _owner = asyncio.new_event_loop(), os.getpid()
            _thread = threading.Thread(target=_loop.run_forever, name="domed", daemon=True)
            _thread.start()
        return _loop


@atexit.register
def _stop() -> None:
    if _loop is not None and _thread is not None and _owner == os.getpid():
        _loop.call_soon_threadsafe(_loop.stop)
        _thread.join(1)


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Does it on that loop, and waits.  An interrupt, such as Ctrl-C, ends both."""
    future = asyncio.run_coroutine_threadsafe(work, _running_loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


class Client:
    """A daemon; thread-safe.  Takes what :class:`domed.AsyncClient` takes.  ``with`` closes it."""

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
        self.aio = AsyncClient(
            endpoint, ca=ca, cert=cert, key=key, token=token, token_file=token_file, user=user,
            connect_wait=connect_wait, timeout=timeout, reply_timeout=reply_timeout,
        )  # fmt: skip

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        wait_for(self.aio.close())

    @property
    def endpoint(self) -> str:
        """The URL that is used now."""
        return self.aio.endpoint

    @takes_request(Request)
    def submit(self, request: Request) -> Submitted:
        """SubmitJob: returns when the daemon has the job, not when that is over.

        Takes what :class:`Request` takes: ``client.submit(["make", "test"], labels={"ref": "main"})``.
        """
        return Submitted.of(self.call("SubmitJob", request.params()))

    @takes_request(Request)
    def run(self, request: Request) -> Outcome:
        """Submits a job, follows it to its end, and returns how it ended and what it wrote."""
        job = Submitted.of(self.call("SubmitJob", request.params()))
        with self.follow(job.job_id, log_id=job.log_id) as follower:
            return follower.outcome()

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
    ) -> Follower:
        """The job's events, each once and in order, until its end: ``for event in client.follow(job_id)``.

        As :meth:`domed.AsyncClient.follow`.
        """

        async def make() -> AsyncFollower:
            return self.aio.follow(
                job_id, since=since, resume=resume, log_id=log_id, tail=tail, frames=frames, verify=verify,
                max_events=max_events, timeout=timeout,
            )  # fmt: skip

        return Follower(wait_for(make()))

    def status(self, job_id: str) -> Status:
        return wait_for(self.aio.status(job_id))

    def provenance(self, job_id: str) -> Json | None:
        """Which code, tools and machine a run was made of; None until it starts."""
        return wait_for(self.aio.provenance(job_id))

    def wait(self, job_id: str, timeout: float | None = None) -> Status:
        """Waits for the job's end."""
        return wait_for(self.aio.wait(job_id, timeout))

    def list_page(
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
        return wait_for(
            self.aio.list_page(
                state=state, label=label, tool=tool, submitter=submitter, since=since, limit=limit, page=page
            )
        )

    def list(
        self,
        *,
        state: str | None = None,
        label: str | None = None,
        tool: str | None = None,
        submitter: str | None = None,
        since: Any = None,
    ) -> Iterator[Status]:
        """All jobs that fit, newest first."""
        page: str | None = None
        while True:
            found = self.list_page(state=state, label=label, tool=tool, submitter=submitter, since=since, page=page)
            yield from found.jobs
            page = found.next_page
            if page is None:
                return

    def cancel(self, job_id: str, reason: str | None = None) -> Json:
        return wait_for(self.aio.cancel(job_id, reason))

    def hold(self, job_id: str, reason: str | None = None) -> Json:
        return wait_for(self.aio.hold(job_id, reason))

    def release(self, job_id: str, reason: str | None = None) -> Json:
        return wait_for(self.aio.release(job_id, reason))

    def pause(self, job_id: str, reason: str | None = None) -> Json:
        """Lets a running command stand still; what its timeout counts stands still, too."""
        return wait_for(self.aio.pause(job_id, reason))

    def resume(self, job_id: str, reason: str | None = None) -> Json:
        return wait_for(self.aio.resume(job_id, reason))

    def retry(
        self, job_id: str, *, key: str | None = None, env: dict[str, str | None] | None = None
    ) -> Submitted:
        """A new job with the request of one that is over, and other variables, None takes one away."""
        return wait_for(self.aio.retry(job_id, key=key, env=env))

    def delete(self, job_id: str) -> Json:
        return wait_for(self.aio.delete(job_id))

    def append(
        self, job_id: str, token: str, producer_id: str, batch: int, events: Sequence[Mapping[str, Any]]
    ) -> Ack:
        """AppendJobEvents: one batch, answered.  Many are the affair of :meth:`producer`."""
        return wait_for(self.aio.append(job_id, token, producer_id, batch, events))

    def producer(self, job_id: str, token: str, **options: Any) -> Producer:
        """A producer of the job's events; options are those of :class:`domed.AsyncProducer`."""

        async def make() -> AsyncProducer:
            return self.aio.producer(job_id, token, **options)

        return Producer(wait_for(make()))

    def health(self) -> Json:
        return wait_for(self.aio.health())

    def whoami(self) -> Json:
        return wait_for(self.aio.whoami())

    def capabilities(self) -> Json:
        return wait_for(self.aio.capabilities())

    def features(self) -> frozenset[str]:
        """The names of what not every daemon of this protocol has; asked once."""
        return wait_for(self.aio.features())

    def tools(self) -> Jsons:
        return wait_for(self.aio.tools())

    def tool(self, tool_id: str) -> Json:
        return wait_for(self.aio.tool(tool_id))

    def call(
        self, method: str, params: Mapping[str, Any] | None = None, *, timeout: float | None = None, repeat: bool = True
    ) -> Json:
        """Any method of the protocol."""
        return wait_for(self.aio.call(method, params, timeout=timeout, repeat=repeat))


class Follower:
    """A follow of one job; made by :meth:`Client.follow`.  Iterate it once."""

    def __init__(self, follower: AsyncFollower) -> None:
        self._follower = follower
        self.job_id = follower.job_id

    @property
    def position(self) -> Position:
        """Of the last event that was given out: what another follower can resume from."""
        return self._follower.position

    @property
    def cursor(self) -> int:
        return self._follower.cursor

    @property
    def log_id(self) -> str:
        return self._follower.log_id

    @property
    def digest(self) -> str | None:
        return self._follower.digest

    @property
    def end(self) -> str | None:
        """``terminal`` or ``snapshot``, once it has ended; None before, and after a stop or an error."""
        return self._follower.end

    def __enter__(self) -> Follower:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        follower = self._follower
        try:
            while (batch := wait_for(follower.next_batch())) is not None:
                for each in batch:
                    follower._seen = each.seq
                    yield each
        finally:
            self.close()

    def batches(self) -> Iterator[list[Event]]:
        """Events as they come, several at a time."""
        try:
            while (batch := wait_for(self._follower.next_batch())) is not None:
                self._follower._seen = batch[-1].seq
                yield batch
        finally:
            self.close()

    def outcome(self) -> Outcome:
        """Follows to the end, and returns how the job ended and what it wrote."""
        return wait_for(self._follower.outcome())

    def close(self) -> None:
        """Ends the follow; the job goes on."""
        wait_for(self._follower.close())


class Producer:
    """Appends batches to one job's log, each exactly once; made by :meth:`Client.producer`.

    As :class:`domed.AsyncProducer`.  Thread-safe.
    """

    def __init__(self, producer: AsyncProducer) -> None:
        self.aio = producer
        self.job_id = producer.job_id
        self.producer_id = producer.producer_id

    def append(self, events: Sequence[Mapping[str, Any]]) -> int:
        """Freezes the next batch and queues it; returns its number.  Waits while the queue is full."""
        return wait_for(self.aio.append(events))

    def append_text(self, events: str) -> int:
        """The same of a JSON array that is written already."""
        return wait_for(self.aio.append_text(events))

    def emit(self, type: str, payload: Mapping[str, Any], t: int | None = None) -> None:
        """Appends one event, in a batch that it shares with others that come in the same moment."""
        wait_for(self.aio.emit(type, payload, t))

    def log(self, text: str | bytes, stream: str = "stdout", eol: bool = True) -> None:
        """A line of output, or several; without "eol" nothing follows the last one's text."""
        wait_for(self.aio.log(text, stream, eol))

    def progress(self, value: float, message: str | None = None) -> None:
        wait_for(self.aio.progress(value, message))

    def artifact(self, kind: str, path: str, sha256: str | None = None) -> None:
        wait_for(self.aio.artifact(kind, path, sha256))

    def error(self, payload: Mapping[str, Any]) -> None:
        wait_for(self.aio.error(payload))

    def state(self, to: str, **fields: Any) -> None:
        """A change of the job's state: ``running``, ``succeeded``, ``failed``, ``canceled``."""
        wait_for(self.aio.state(to, **fields))

    def flush(self, timeout: float | None = None) -> None:
        """Waits until everything is acknowledged.  Raises the refusal once there is one."""
        wait_for(self.aio.flush(timeout))

    @property
    def pending(self) -> int:
        return self.aio.pending

    @property
    def last_ack(self) -> Ack | None:
        return self.aio.last_ack

    @property
    def cancel_requested(self) -> bool:
        """A reply said that somebody asked to cancel the job."""
        return self.aio.cancel_requested

    def close(self) -> None:
        """Stops at once; what was not acknowledged may or may not have arrived."""
        wait_for(self.aio.close())

    def __enter__(self) -> Producer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self.close()
