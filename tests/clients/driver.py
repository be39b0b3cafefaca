#!/usr/bin/env python3
"""The Python client, driven by the suite for all clients (docs/clients.md): one command a line on standard
input, what comes of it on standard output.  driver.py [asyncio|plain]"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../sdk/python/src"))
import domed

PATIENCE = {"connect_wait": 300.0, "timeout": 300.0, "reply_timeout": 3.0}


def say(message: dict[str, object]) -> None:
    # In one write: the driver may be killed at any time.
    os.write(1, (json.dumps(message, ensure_ascii=False, separators=(",", ":")) + "\n").encode())


def refusal(error: domed.DomedError) -> dict[str, object]:
    return {"error": error.name, "message": error.message, "fields": error.fields}


def hello(command: dict[str, object]) -> None:
    can = ["submit", "append", "follow", "frames", "digest", "stop", "status"]
    say({"id": command["id"], "name": f"python ({sys.argv[1] if len(sys.argv) > 1 else 'asyncio'})", "version": 1, "can": can})


def told_ack(id: object, ack: domed.Ack) -> None:
    say({"id": id, "batch": ack.batch, "first": ack.first_seq, "head": ack.head_seq, "state": ack.state, "replayed": ack.replayed})


def told_event(id: object, event: domed.Event) -> None:
    say({"id": id, "seq": event.seq, "line": event.line.decode()})


async def by_asyncio() -> None:
    client = domed.AsyncClient(**PATIENCE)
    follows: dict[object, asyncio.Task[None]] = {}

    async def append(command):
        producer = client.producer(
            command["job"], command["token"], producer_id=command["producer"], window=command.get("window", 8), reply_timeout=3.0
        )
        producer.on_ack.append(lambda ack: told_ack(command["id"], ack))
        async with producer:
            for batch in command["batches"]:
                await producer.append_text(batch)
                await asyncio.sleep(command.get("pause_ms", 0) / 1000)
        say({"id": command["id"], "done": True})

    async def follow(command):
        id = command["id"]
        tail = command.get("tail", True)
        follower = client.follow(
            command["job"], since=command.get("since", 0), log_id=command.get("log") or None,
            tail=tail, frames=command.get("frames", True), verify=tail and command.get("since", 0) == 0,
        )  # fmt: skip
        log, end = "", {"id": id}
        try:
            async for event in follower:
                if event.log_id != log:
                    log = event.log_id
                    say({"id": id, "log": log})
                told_event(id, event)
            end["end"] = follower.end
        except asyncio.CancelledError:
            end["end"] = "stopped"
        except domed.DomedError as error:
            end |= {"end": "error", **refusal(error)}
        end["cursor"] = follower.cursor
        if follower.digest is not None and end["end"] != "stopped":
            end["digest"] = follower.digest
        say(end)

    async def answer(command):
        try:
            match command["do"]:
                case "hello":
                    hello(command)
                case "submit":
                    say({"id": command["id"], "result": await client.call("SubmitJob", command["params"])})
                case "status":
                    say({"id": command["id"], "result": await client.status(command["job"])})
                case "append":
                    await append(command)
                case "follow":
                    await follow(command)
                case other:
                    say({"id": command["id"], "error": "E_DRIVER", "message": f"there is no '{other}'"})
        except domed.DomedError as error:
            say({"id": command["id"], **refusal(error)})

    reader = asyncio.StreamReader(limit=64 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        command = json.loads(line)
        if command["do"] == "stop":
            if task := follows.get(command["id"]):
                task.cancel()
        else:
            follows[command["id"]] = asyncio.create_task(answer(command))


def plain() -> None:
    client = domed.Client(**PATIENCE)
    stopped: set[object] = set()

    def append(command):
        producer = client.producer(
            command["job"], command["token"], producer_id=command["producer"], window=command.get("window", 8), reply_timeout=3.0
        )
        producer.aio.on_ack.append(lambda ack: told_ack(command["id"], ack))
        with producer:
            for batch in command["batches"]:
                producer.append_text(batch)
                threading.Event().wait(command.get("pause_ms", 0) / 1000)
        say({"id": command["id"], "done": True})

    def follow(command):
        id = command["id"]
        tail = command.get("tail", True)
        follower = client.follow(
            command["job"], since=command.get("since", 0), log_id=command.get("log") or None,
            tail=tail, frames=command.get("frames", True), verify=tail and command.get("since", 0) == 0,
        )  # fmt: skip
        log, end = "", {"id": id, "end": "stopped"}
        try:
            for event in follower:
                if event.log_id != log:
                    log = event.log_id
                    say({"id": id, "log": log})
                told_event(id, event)
                if id in stopped:
                    break
            else:
                end["end"] = follower.end
        except domed.DomedError as error:
            end |= {"end": "error", **refusal(error)}
        end["cursor"] = follower.cursor
        if follower.digest is not None and end["end"] != "stopped":
            end["digest"] = follower.digest
        say(end)

    def answer(command):
        try:
            match command["do"]:
                case "hello":
                    hello(command)
                case "submit":
                    say({"id": command["id"], "result": client.call("SubmitJob", command["params"])})
                case "status":
                    say({"id": command["id"], "result": client.status(command["job"])})
                case "append":
                    append(command)
                case "follow":
                    follow(command)
                case other:
                    say({"id": command["id"], "error": "E_DRIVER", "message": f"there is no '{other}'"})
        except domed.DomedError as error:
            say({"id": command["id"], **refusal(error)})

    with ThreadPoolExecutor(32) as threads:
        for line in sys.stdin:
            command = json.loads(line)
            if command["do"] == "stop":
                stopped.add(command["id"])
            else:
                threads.submit(answer, command)


logging.disable()
if sys.argv[1:] == ["plain"]:
    plain()
else:
    asyncio.run(by_asyncio())
