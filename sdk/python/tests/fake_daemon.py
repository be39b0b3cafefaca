"""A daemon that does what a test says: it keeps logs, answers, publishes, and misbehaves on demand."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import tempfile
import threading
from typing import Any, Callable

from domed import sp

STATES = ("succeeded", "failed", "canceled")


class Refusal(Exception):
    def __init__(self, name: str, retryable: bool = False, **fields: Any) -> None:
        super().__init__(name)
        self.data = {"error": name, "retryable": retryable, **fields}


class Cut(Exception):
    """Ends the connection instead of an answer."""


class Silence(Exception):
    """No answer at all."""


class Raw(Exception):
    """These bytes, as they are, on the connection."""

    def __init__(self, data: bytes) -> None:
        self.data = data


def line_of(job: str, seq: int, type: str, payload: Any) -> bytes:
    text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
    return (
        f'{{"job_id":"{job}","seq":{seq},"ts":"2026-01-31T12:00:00.{seq % 1000000:06}Z",'
        f'"type":"{type}","payload":{text}}}'
    ).encode()


def log_payload(text: str) -> dict[str, str]:
    return {"stream": "stdout", "text": text}


class Log:
    def __init__(self, job: str, log_id: str = "") -> None:
        self.job = job
        self.log_id = log_id or hashlib.md5(job.encode()).hexdigest()
        self.lines: list[bytes] = []
        self.first = 1
        self.state = "queued"
        self.batches: dict[tuple[str, int], tuple[str, dict[str, Any]]] = {}
        self.next_batch: dict[str, int] = {}
        self.add("state_change", {"to": "queued"})

    @property
    def head(self) -> int:
        return len(self.lines)

    def add(self, type: str, payload: Any) -> bytes:
        self.lines.append(line_of(self.job, self.head + 1, type, payload))
        if type == "state_change":
            self.state = payload["to"]
        return self.lines[-1]

    def digest(self) -> str:
        digest = hashlib.sha256(self.log_id.encode()).digest()
        for line in self.lines:
            digest = hashlib.sha256(digest + line).digest()
        return digest.hex()

    def frame(self, first: int, last: int | None = None, epoch: str = "e1") -> bytes:
        last = self.head if last is None else last
        header = {"log_id": self.log_id, "first": first, "head": last, "state": self.state, "epoch": epoch}
        lines = self.lines[first - 1 : last]
        return b"\n".join([f"job/{self.job}".encode(), json.dumps(header).encode(), *lines]) + b"\n"


def pulse(epoch: str = "e1") -> bytes:
    return b'daemon\n{"epoch":"%s","time":"x"}\n' % epoch.encode()


class FakeDaemon:
    """``with FakeDaemon() as daemon``: at ``daemon.url``."""

    def __init__(self, events: bool = True, hello: bytes | None = None) -> None:
        self.directory = tempfile.mkdtemp(prefix="domed-py-")
        self.url = f"ipc://{self.directory}/control.ipc"
        self.events_url = f"ipc://{self.directory}/events.ipc"
        self.jobs: dict[str, Log] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.raw_requests: list[bytes] = []
        # Looked at before each answer; what it raises happens, what it returns is the result.
        self.trick: Callable[[str, dict[str, Any]], Any] | None = None
        self.page_events = 1000
        self.identity = ""  # as whom it knows everybody; empty: it is too old to tell
        self.subscribers = threading.Event()
        self.connections = 0
        self._events = events
        self._hello = hello
        self._subs: list[asyncio.StreamWriter] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._changed: asyncio.Event
        self.loop = asyncio.new_event_loop()
        self._servers: list[asyncio.AbstractServer] = []

    def __enter__(self) -> FakeDaemon:
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
        shutil.rmtree(self.directory)

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def start(self) -> None:
        async def begin() -> None:
            self._changed = asyncio.Event()
            for name, serve in (("control", self._control), ("events", self._sub)):
                path = f"{self.directory}/{name}.ipc"
                if os.path.exists(path):
                    os.unlink(path)
                self._servers.append(await asyncio.start_unix_server(serve, path))

        self._do(begin())

    def stop(self) -> None:
        async def end() -> None:
            for server in self._servers:
                server.close()
            self._servers.clear()
            self._cut()
            await asyncio.sleep(0)

        self._do(end())

    def cut(self) -> None:
        async def end() -> None:
            self._cut()

        self._do(end())

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        self._subs.clear()

    def publish(self, *frames: bytes) -> None:
        async def send() -> None:
            for frame in frames:
                for writer in self._subs:
                    writer.write(sp.header(True, len(frame)) + frame)

        self._do(send())

    def add(self, job: str, type: str, payload: Any) -> bytes:
        """An event, so that polls that wait for it answer."""

        async def now() -> bytes:
            line = self.jobs[job].add(type, payload)
            self._changed.set()
            return line

        return bytes(self._do(now()))

    async def _sub(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        if not self._events:
            writer.close()
            return
        writer.write(sp.hello(sp.PUB))
        try:
            await reader.readexactly(8)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        self._subs.append(writer)
        self.subscribers.set()

    async def _control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            writer.write(self._hello if self._hello is not None else sp.hello(sp.REP))
            await reader.readexactly(8)
            while True:
                head = await reader.readexactly(9)
                message = await reader.readexactly(int.from_bytes(head[1:], "big"))
                asyncio.get_running_loop().create_task(self._answer(message, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, message: bytes, writer: asyncio.StreamWriter) -> None:
        request = json.loads(message[4:])
        self.raw_requests.append(message[4:])
        method, params = request["method"], request.get("params", {})
        self.requests.append((method, params))
        begin = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            result = self.trick(method, params) if self.trick else None
            if result is None:
                result = await self._result(method, params)
            if isinstance(result, bytes):  # a page, in the daemon's own bytes
                reply = b'{"jsonrpc":"2.0","id":%d,"result":%s}' % (request["id"], result)
            else:
                reply = json.dumps({**begin, "result": result}, separators=(",", ":")).encode()
        except Refusal as refusal:
            error = {"code": -32000, "message": "refused", "data": refusal.data}
            reply = json.dumps({**begin, "error": error}).encode()
        except Cut:
            writer.transport.abort()
            return
        except Silence:
            return
        except Raw as raw:
            writer.write(raw.data)
            return
        reply = message[:4] + reply
        writer.write(sp.header(True, len(reply)) + reply)

    async def _result(self, method: str, params: dict[str, Any]) -> Any:
        if method == "Health":
            return {"version": "fake", "epoch": "e1", "events": [self.events_url]}
        if method == "WhoAmI":
            if not self.identity:
                raise Refusal("E_UNKNOWN_METHOD")
            return {"identity": self.identity}
        if method == "ListCapabilities":
            return {"features": ["t"]}
        if method == "SubmitJob":
            job = f"job-{params['idempotency_key']}"
            replayed = job in self.jobs
            log = self.jobs.setdefault(job, Log(job))
            return {
                "job_id": job, "run_id": "r", "log_id": log.log_id, "state": log.state, "replayed": replayed,
                "events_urls": [self.events_url], "producer_token": "secret",
            }  # fmt: skip
        log = self.jobs.get(params.get("job_id", ""))  # type: ignore[assignment]
        if log is None:
            raise Refusal("E_NOT_FOUND")
        if method == "GetJobStatus":
            return {
                "job_id": log.job, "log_id": log.log_id, "state": log.state, "first_seq": log.first,
                "head_seq": log.head, "as_of_seq": log.head, "digest": log.digest(),
            }  # fmt: skip
        if method == "StreamJobEvents":
            return await self._page(log, params)
        if method == "AppendJobEvents":
            return self._append(log, params)
        raise Refusal("E_UNKNOWN_METHOD")

    async def _page(self, log: Log, params: dict[str, Any]) -> bytes:
        since = params["since_seq"]
        if params.get("log_id", log.log_id) != log.log_id:
            raise Refusal("E_LOG_CHANGED", log_id=log.log_id, first=log.first, head=log.head)
        if since > log.head:
            raise Refusal("E_CURSOR_AHEAD", head=log.head)
        if since + 1 < log.first:
            raise Refusal("E_COMPACTED", first=log.first, head=log.head)
        until = asyncio.get_running_loop().time() + params.get("wait_ms", 0) / 1000
        while log.head == since and log.state not in STATES:
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                break
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                break
        lines = log.lines[since:][: min(self.page_events, params.get("max_events", 1000))]
        return self.page_bytes(log, lines, since + len(lines))

    def page_bytes(self, log: Log, lines: list[bytes], upto: int) -> bytes:
        more, final = upto < log.head, upto >= log.head and log.state in STATES
        return (
            b'{"log_id":"%s","first_seq":%d,"head_seq":%d,"state":"%s","events":[%s],"more":%s,"final":%s,"events_urls":%s}'
            % (
                log.log_id.encode(), log.first, log.head, log.state.encode(), b",".join(lines),
                b"true" if more else b"false", b"true" if final else b"false", json.dumps([self.events_url]).encode(),
            )  # fmt: skip
        )

    def _append(self, log: Log, params: dict[str, Any]) -> dict[str, Any]:
        """The checks of docs/protocol.md, in their order; a gap is told at once."""
        if params["producer_token"] != "secret":
            raise Refusal("E_UNAUTHORIZED")
        events = params["events"]
        answer = {"head_seq": log.head, "state": log.state, "replayed": False, "cancel_requested": False}
        if not events:
            return answer
        producer, batch = params["producer_id"], params["batch"]
        content = json.dumps(events)
        if (known := log.batches.get((producer, batch))) is not None:
            if known[0] != content:
                raise Refusal("E_BATCH_MISMATCH")
            return {**known[1], "replayed": True}
        expected = log.next_batch.get(producer, 1)
        if batch != expected:
            raise Refusal("E_BATCH_GAP", True, expected=expected)
        if log.state in STATES:
            raise Refusal("E_SEALED", state=log.state, head=log.head)
        first = log.head + 1
        for each in events:
            log.add(each["type"], each["payload"])
        self._changed.set()
        answer = {**answer, "first_seq": first, "head_seq": log.head, "state": log.state}
        log.batches[(producer, batch)] = (content, answer)
        log.next_batch[producer] = batch + 1
        return answer
