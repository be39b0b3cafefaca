"""What is asked for, and what a daemon answers, with types."""

from __future__ import annotations

import base64
import datetime
import json
import math
import os
import uuid
from dataclasses import dataclass, field
from typing import Any, Mapping, NamedTuple, Sequence

from .errors import InvalidRequest, JobFailed
from .event import TERMINAL_STATES

Json = dict[str, Any]


def to_json(value: Any) -> str:
    """JSON as the protocol takes it.  Raises InvalidRequest for what it cannot carry."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequest("the request holds text that is not UTF-8, which the protocol cannot carry") from None
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"the request cannot be written as JSON: {error}") from None
    return text


def time_text(time: datetime.datetime | str) -> str:
    """A time as the protocol writes it; a ``datetime`` without a zone is local time."""
    if isinstance(time, str):
        return time
    return time.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Position(NamedTuple):
    """Where a follower stands: the last event that it was given, and of which log.

    ``str(position)`` can be kept, and :meth:`parse` reads it.
    """

    log_id: str
    seq: int

    def __str__(self) -> str:
        return f"{self.log_id}@{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Position:
        log_id, at, seq = text.rpartition("@")
        if not at or not seq.isdigit():
            raise InvalidRequest(f"'{text}' is no position of a follower: it is LOG_ID@SEQ")
        return cls(log_id, int(seq))


@dataclass(frozen=True)
class Request:
    """What SubmitJob takes (docs/protocol.md, SubmitJob).  What is None is left to the daemon."""

    command: Sequence[str] | None = None
    """The program and its arguments; no shell."""
    tool: str | None = None
    """The id of a tool, instead of a command."""
    task: Mapping[str, Any] | None = None
    key: str | None = None
    """The idempotency key: the same key and request name the same job.  None makes a new one."""
    client_id: str | None = None
    name: str | None = None
    """What people call the job."""
    external: bool = False
    """Another program, such as this one, reports the job."""
    cwd: str | os.PathLike[str] | None = None
    env: Mapping[str, str] | None = None
    secret_env: Mapping[str, str] | None = None
    """The same, of 6 bytes at least, and masked in all that is kept of the job."""
    timeout: float | None = None
    """Seconds after which the command is ended."""
    expires: int | None = None
    """External jobs: for how many seconds the producer may be silent."""
    labels: Mapping[str, str] | None = None
    limits: Mapping[str, Any] | None = None
    stdin: bytes | str | os.PathLike[str] | None = None
    """Bytes that the command reads, or the absolute path of a file on the daemon's machine."""
    tty: tuple[int, int] | None = None
    """Rows and columns of a terminal for the command."""
    priority: int | None = None
    queue: str | None = None
    depends_on: Sequence[str] | None = None
    hold: bool | None = None
    not_before: datetime.datetime | str | None = None
    retry: Mapping[str, Any] | None = None
    constraints: Mapping[str, Any] | None = None
    profile: Any = None
    accept_imported: bool | None = None
    wait: float | None = None
    """For how many seconds, 10 at most, the answer may wait for the job's end (the feature ``submit_wait``)."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Parameters that this client does not know, as they are."""

    def params(self) -> Json:
        """The parameters of SubmitJob.  A key is made where there is none: call it once a submit."""
        stdin: Json | None = None
        if isinstance(self.stdin, bytes):
            stdin = {"b64": base64.b64encode(self.stdin).decode()}
        elif self.stdin is not None:
            stdin = {"path": os.fspath(self.stdin)}
        params: Json = {
            "idempotency_key": self.key if self.key is not None else uuid.uuid4().hex,
            "client_id": self.client_id,
            "name": self.name,
            "command": None if self.command is None else _arguments(self.command),
            "tool_id": self.tool,
            "task": self.task,
            "executor": "external" if self.external else None,
            "cwd": None if self.cwd is None else os.fspath(self.cwd),
            "env": self.env,
            "secret_env": self.secret_env,
            "timeout_s": self.timeout,
            "expires_s": self.expires,
            "labels": self.labels,
            "limits": self.limits,
            "stdin": stdin,
            "tty": None if self.tty is None else {"rows": self.tty[0], "columns": self.tty[1]},
            "priority": self.priority,
            "queue": self.queue,
            "depends_on": None if self.depends_on is None else list(self.depends_on),
            "hold": self.hold,
            "not_before": None if self.not_before is None else time_text(self.not_before),
            "retry": self.retry,
            "constraints": self.constraints,
            "profile": self.profile,
            "accept_imported": self.accept_imported,
            "wait_ms": None if self.wait is None else math.ceil(self.wait * 1000),
            **self.extra,
        }
        return {name: value for name, value in params.items() if value is not None}


def _arguments(command: Sequence[str]) -> list[str]:
    if isinstance(command, (str, bytes)):
        raise InvalidRequest("a command is a list of arguments, such as ['sh', '-c', 'echo hello']")
    return [os.fspath(each) for each in command]


@dataclass(frozen=True)
class Submitted:
    """The answer of SubmitJob."""

    job_id: str
    run_id: str
    log_id: str
    state: str
    replayed: bool
    events_urls: tuple[str, ...] = ()
    producer_token: str | None = field(default=None, repr=False)
    reason: str | None = None
    """How it ended, and ``exit_code``: where the answer waited for the end, and that came in time."""
    exit_code: int | None = None

    @classmethod
    def of(cls, result: Json) -> Submitted:
        return cls(
            result["job_id"], result["run_id"], result["log_id"], result["state"], bool(result.get("replayed")),
            tuple(result.get("events_urls", ())), result.get("producer_token"), result.get("reason"), result.get("exit_code"),
        )  # fmt: skip

    @property
    def is_over(self) -> bool:
        return self.state in TERMINAL_STATES


class Status(dict[str, Any]):
    """The answer of GetJobStatus, or one job of a list: a dictionary, with types for what is used most."""

    @property
    def job_id(self) -> str:
        return str(self["job_id"])

    @property
    def log_id(self) -> str:
        return str(self["log_id"])

    @property
    def state(self) -> str:
        return str(self["state"])

    @property
    def is_over(self) -> bool:
        return self.state in TERMINAL_STATES

    @property
    def reason(self) -> str | None:
        return self.get("reason")

    @property
    def exit_code(self) -> int | None:
        return self.get("exit_code")

    @property
    def first_seq(self) -> int:
        return int(self["first_seq"])

    @property
    def head_seq(self) -> int:
        return int(self["head_seq"])

    @property
    def digest(self) -> str:
        return str(self["digest"])

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.get("labels") or {})

    @property
    def provenance(self) -> Json | None:
        """Which code, tools and machine; None until the run starts."""
        found = self.get("provenance")
        return found if isinstance(found, dict) else None


@dataclass(frozen=True)
class Page:
    """The answer of ListJobs."""

    jobs: list[Status]
    next_page: str | None = None


@dataclass(frozen=True)
class Ack:
    """What the daemon answered to a batch."""

    batch: int
    first_seq: int
    head_seq: int
    state: str
    replayed: bool
    cancel_requested: bool

    @classmethod
    def of(cls, batch: int, result: Json) -> Ack:
        return cls(
            batch, int(result.get("first_seq") or 0), int(result.get("head_seq") or 0), str(result.get("state", "")),
            bool(result.get("replayed")), bool(result.get("cancel_requested")),
        )  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """How a job ended, and what it wrote."""

    job_id: str
    log_id: str
    state: str
    reason: str | None
    exit_code: int | None
    signal: int | None
    message: str | None
    head_seq: int
    stdout: bytes = field(default=b"", repr=False)
    stderr: bytes = field(default=b"", repr=False)

    @property
    def succeeded(self) -> bool:
        return self.state == "succeeded"

    def check(self) -> Outcome:
        """Raises JobFailed where the job did not succeed."""
        if self.succeeded:
            return self
        how = f"exit code {self.exit_code}" if self.exit_code is not None else self.reason or ""
        raise JobFailed(f"job {self.job_id} {self.state} ({how}){': ' + self.message if self.message else ''}", self)
