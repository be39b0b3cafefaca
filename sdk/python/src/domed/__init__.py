"""domed: a client of the job daemon ``domed``.

``tail -f`` for jobs that never loses, repeats or reorders a line: :class:`Client` waits,
:class:`AsyncClient` is for asyncio.  :func:`tool` turns a function into a tool whose calls are jobs.
"""

from .aio import AsyncClient, AsyncFollower, environment_of_a_run
from .client import Client, Follower, Producer
from .errors import (
    BatchGap,
    BatchMismatch,
    Busy,
    Compacted,
    CursorAhead,
    DigestMismatch,
    DomedError,
    Forbidden,
    Gone,
    IdempotencyKeyReused,
    InternalError,
    InvalidRequest,
    InvalidTransition,
    JobFailed,
    LogChanged,
    NotFound,
    PolicyDenied,
    ProtocolError,
    Sealed,
    Starting,
    StoreFailed,
    TooLarge,
    Unauthorized,
    UnknownMethod,
    Unreachable,
    Untrusted,
)
from .event import Event
from .model import Ack, Outcome, Page, Position, Request, Status, Submitted
from .producer import AsyncProducer, event
from .tool import Canceled, Run, current_run, tool

__version__ = "0.1.0"

__all__ = [name for name in dir() if not name.startswith("_")]
