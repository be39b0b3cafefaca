"""Functions as tools: each call is an external job, its prints and exceptions are the job's events."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import io
import json
import logging
import os
import sys
import threading
import traceback
from typing import Any, Awaitable, Callable, Mapping, ParamSpec, TextIO, TypeVar, cast, overload

from .client import Client, Producer
from .errors import DomedError
from .model import to_json

log = logging.getLogger("domed")

P = ParamSpec("P")
R = TypeVar("R")
POLL = 0.5  # seconds
MOST_RESULT = 48 * 1024  # of the JSON of a result or a traceback: an event may have 64 KiB


class Canceled(BaseException):
    """Raised within a tool to end it as canceled (:meth:`Run.check`)."""


class Run:
    """A call of a tool, as its function sees it: :func:`current_run`."""

    def __init__(self, job_id: str, producer: Producer) -> None:
        self.job_id = job_id
        self.refusal: DomedError | None = None
        """What the daemon refused; the function goes on, and nothing more is reported."""
        self._producer = producer
        self._lock = threading.RLock()
        self._partial = {"stdout": "", "stderr": ""}

    def progress(self, value: float, message: str | None = None) -> None:
        """From 0 to 1."""
        self._report(lambda producer: producer.progress(value, message))

    def artifact(self, kind: str, path: str, sha256: str | None = None) -> None:
        self._report(lambda producer: producer.artifact(kind, path, sha256))

    def emit(self, type: str, payload: Mapping[str, Any]) -> None:
        """Any event that a producer may write; one's own types begin with ``x-``."""
        self._report(lambda producer: producer.emit(type, payload))

    @property
    def cancel_requested(self) -> bool:
        # A daemon that has waited for too long says it by a refusal.
        return self._producer.cancel_requested or (self.refusal is not None and self.refusal.fields.get("state") == "canceled")

    def check(self) -> None:
        """Raises :class:`Canceled` where somebody asked to cancel the job."""
        if self.cancel_requested:
            raise Canceled(f"somebody asked to cancel job {self.job_id}")

    def _write(self, stream: str, text: str) -> None:
        with self._lock:
            *lines, self._partial[stream] = (self._partial[stream] + text).split("\n")
            if lines:
                self._report(lambda producer: producer.log("\n".join(lines), stream))

    def _write_rest(self) -> None:
        with self._lock:
            for stream, text in self._partial.items():
                if text:
                    self._report(functools.partial(_log_rest, stream=stream, text=text))
                self._partial[stream] = ""

    def _report(self, what: Callable[[Producer], None]) -> None:
        """A function is not ended by what becomes of its report."""
        if self.refusal is not None:
            return
        try:
            what(self._producer)
        except DomedError as error:
            self.refusal = error
            log.error("job %s is not reported any further: %s", self.job_id, error)


def _log_rest(producer: Producer, stream: str, text: str) -> None:
    producer.log(text, stream, eol=False)


_current: contextvars.ContextVar[Run | None] = contextvars.ContextVar("domed_run", default=None)


def current_run() -> Run:
    """The run of the tool that is being called here."""
    run = _current.get()
    if run is None:
        raise RuntimeError("no tool is being called here: decorate the function with domed.tool")
    return run


class _Router(io.TextIOBase):
    """Stands for a standard stream while tools are called: what their own code prints is theirs, in
    whatever thread or task they are called; everybody else's goes on as it did."""

    def __init__(self, name: str, real: TextIO) -> None:
        self._name = name
        self.real = real

    def write(self, text: str) -> int:
        run = _current.get()
        if run is None:
            return self.real.write(text)
        run._write(self._name, text)
        if _echo.get():
            self.real.write(text)
        return len(text)

    def flush(self) -> None:
        self.real.flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self.real.isatty()

    def fileno(self) -> int:
        return self.real.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.real.encoding


_echo: contextvars.ContextVar[bool] = contextvars.ContextVar("domed_echo", default=True)
_routing = threading.Lock()
_routed = 0


def _route() -> None:
    global _routed
    with _routing:
        _routed += 1
        if _routed == 1:
            sys.stdout = cast(TextIO, _Router("stdout", sys.stdout))
            sys.stderr = cast(TextIO, _Router("stderr", sys.stderr))


def _unroute() -> None:
    global _routed
    with _routing:
        _routed -= 1
        if _routed == 0:
            # Somebody else may have put another one in front meanwhile; that keeps working.
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                if isinstance(stream, _Router):
                    setattr(sys, name, stream.real)


class _Call:
    """One call, from its submit to its end."""

    def __init__(self, options: _Options, task: dict[str, Any]) -> None:
        self._options = options
        client = options.client()
        job = client.submit(
            external=True,
            tool=options.tool_id,
            task=task,
            labels={"function": options.name, **options.labels},
            expires=options.expires,
            # Provenance is of where the code lies, as far as the daemon can see that.
            cwd=os.getcwd() if client.endpoint.startswith("ipc:") else None,
        )
        # Often enough to hear of a cancel well within the daemon's cancel_grace.
        poll = min(POLL, options.expires / 3) if options.expires else POLL
        # Submitting to be refused would be odd: whoever submits has the token.
        self._producer = client.producer(job.job_id, job.producer_token or "", poll=poll)
        self.run = Run(job.job_id, self._producer)
        self.run._report(lambda producer: producer.state("running"))

    def enter(self) -> None:
        """What is printed from here on is the job's."""
        _route()
        self._tokens = (_current.set(self.run), _echo.set(self._options.echo))

    def leave(self) -> None:
        """In the context that it was begun in."""
        _current.reset(self._tokens[0])
        _echo.reset(self._tokens[1])
        _unroute()

    def succeeded(self, result: Any) -> None:
        self.run._write_rest()
        text = _short_json(result)
        if result is not None and text is not None:
            self.run.emit("x-result", {"value": json.loads(text)})
        self._end("succeeded")

    def failed(self, error: BaseException) -> None:
        self.run._write_rest()
        name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
        message = str(error)[:1000].encode("utf-8", "replace").decode()
        canceled = isinstance(error, (Canceled, asyncio.CancelledError))
        if not canceled:
            trace = "".join(traceback.format_exception(error)).encode("utf-8", "replace").decode()
            self.run.emit(
                "error",
                {"error": "exception", "type": name, "message": message, "traceback": trace[-(MOST_RESULT // 4) :]},
            )
        self._end("canceled" if canceled else "failed", message=f"{name}: {message}" if message else name)

    def _end(self, state: str, **fields: Any) -> None:
        self.run._report(lambda producer: producer.state(state, **fields))
        try:
            self.run._report(lambda producer: producer.flush(self._options.patience))
        except TimeoutError:
            log.error("the end of job %s could not be reported within %s s", self.run.job_id, self._options.patience)
        self._producer.close()


def _short_json(value: Any) -> str | None:
    try:
        text = to_json(value)
    except DomedError:
        return None
    return text if len(text.encode()) <= MOST_RESULT else None


class _Options:
    def __init__(
        self, name: str, client: Client | None, tool_id: str | None, labels: Mapping[str, str] | None,
        echo: bool, expires: int | None, patience: float | None,
    ) -> None:  # fmt: skip
        self.name = name
        self.tool_id = tool_id
        self.labels = dict(labels or {})
        self.echo = echo
        self.expires = expires
        self.patience = patience
        self._client = client

    def client(self) -> Client:
        if self._client is None:
            self._client = Client()
        return self._client


def _task_of(signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by name; what JSON cannot hold as its ``repr``."""
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return {
        name: value if _short_json(value) is not None else repr(value)[:1000]
        for name, value in bound.arguments.items()
    }


@overload
def tool(function: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def tool(
    *,
    client: Client | None = None,
    name: str | None = None,
    tool_id: str | None = None,
    labels: Mapping[str, str] | None = None,
    echo: bool = True,
    expires: int | None = None,
    patience: float | None = 60.0,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def tool(
    function: Callable[P, R] | None = None,
    /,
    *,
    client: Client | None = None,
    name: str | None = None,
    tool_id: str | None = None,
    labels: Mapping[str, str] | None = None,
    echo: bool = True,
    expires: int | None = None,
    patience: float | None = 60.0,
) -> Any:
    """Turns a function, plain or ``async``, into a tool: each call is an external job.

    The arguments are the job's task; what it prints are its ``log`` events (and, with "echo", still
    printed); what it returns is an ``x-result`` event; an exception is an ``error`` event and the job fails,
    and it is raised to the caller as ever.  Within it, :func:`current_run` reports progress and artifacts,
    and tells of a cancel.  Every job has the label ``function``, beside "labels".

    "expires": the job is ``lost`` where this process says nothing for so many seconds; the client says
    something often enough.  "patience": for how many seconds the end of a call waits for a daemon that is
    away.  "client": whom to report to; None: the user's own daemon.  "tool_id": the deployment's tool that
    this is.  Prints of threads that the function starts itself are not its own.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        options = _Options(
            name or str(getattr(function, "__qualname__", "function")), client, tool_id, labels, echo, expires, patience
        )
        signature = inspect.signature(function)

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def later(*args: P.args, **kwargs: P.kwargs) -> Any:
                task = _task_of(signature, args, kwargs)
                call = await asyncio.to_thread(_Call, options, task)
                call.enter()
                try:
                    result = await cast(Awaitable[Any], function(*args, **kwargs))
                except BaseException as error:
                    call.leave()
                    await asyncio.shield(asyncio.to_thread(call.failed, error))
                    raise
                call.leave()
                await asyncio.to_thread(call.succeeded, result)
                return result

            return cast(Callable[P, R], later)

        @functools.wraps(function)
        def now(*args: P.args, **kwargs: P.kwargs) -> R:
            call = _Call(options, _task_of(signature, args, kwargs))
            call.enter()
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                call.leave()
                call.failed(error)
                raise
            call.leave()
            call.succeeded(result)
            return result

        return now

    return decorate if function is None else decorate(function)
