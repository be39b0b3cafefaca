"""How many events a second one core follows: an external job of many log events of some 200 B each.

    PYTHONPATH=src python3 bench/follow.py --endpoint ipc:///…/control.ipc [--events 500000] [--core 0]

The job is written first, then followed from its beginning, in each of the ways that the client has.  The
process and its threads stay on one core ("--core"), the daemon on whatever it likes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time

import domed


def write(client: domed.Client, events: int, size: int) -> str:
    job = client.submit(external=True)
    assert job.producer_token is not None
    # What stands around the text in a line is some 145 bytes.
    text = "x" * max(1, size - 145)
    batch = [domed.event("log", {"stream": "stdout", "text": text})] * 1000
    with client.producer(job.job_id, job.producer_token) as producer:
        producer.state("running")
        for _ in range(events // len(batch)):
            producer.append(batch)
        producer.state("succeeded")
    return job.job_id


def told(name: str, count: int, size: int, wall: float, cpu: float) -> None:
    print(f"{name:34} {count / wall:10,.0f} events/s   {cpu / count * 1e6:6.2f} us of processor an event   ({size / count:.0f} B)")


async def by_asyncio(endpoint: str, job: str, verify: bool = False, batches: bool = False) -> tuple[int, int]:
    count = size = 0
    async with domed.AsyncClient(endpoint) as client, client.follow(job, verify=verify) as follower:
        if batches:
            async for batch in follower.batches():
                count += len(batch)
                size += sum(len(event.line) for event in batch)
        else:
            async for event in follower:
                count += 1
                size += len(event.line)
    return count, size


def plain(endpoint: str, job: str, decode: bool = False) -> tuple[int, int]:
    count = size = 0
    with domed.Client(endpoint) as client, client.follow(job) as follower:
        for event in follower:
            count += 1
            size += len(event.text) if decode and event.type == "log" else len(event.line)
    return count, size


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint")
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--core", type=int)
    parser.add_argument("--times", type=int, default=3)
    given = parser.parse_args()
    endpoint = given.endpoint or os.environ["DOMED_ENDPOINT"]
    with domed.Client(endpoint) as client:
        begin = time.perf_counter()
        job = write(client, given.events, given.size)
        print(f"written: {given.events / (time.perf_counter() - begin):,.0f} events/s, in batches of 1000")
    if given.core is not None:
        os.sched_setaffinity(0, {given.core})
    ways = {
        "asyncio, async for": lambda: asyncio.run(by_asyncio(endpoint, job)),
        "asyncio, batches": lambda: asyncio.run(by_asyncio(endpoint, job, batches=True)),
        "asyncio, async for, verified": lambda: asyncio.run(by_asyncio(endpoint, job, verify=True)),
        "plain, for": lambda: plain(endpoint, job),
        "plain, for, text decoded": lambda: plain(endpoint, job, decode=True),
    }
    for name, follow in ways.items():
        best = None
        for _ in range(given.times):
            wall, cpu = time.perf_counter(), time.process_time()
            count, size = follow()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            if best is None or wall < best[2]:
                best = (count, size, wall, cpu)
        assert best is not None
        told(name, *best)


if __name__ == "__main__":
    main()
