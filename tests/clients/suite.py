#!/usr/bin/env python3
"""One suite for all clients: does a client keep the contract, whatever happens to messages and daemons?

    suite.py --bin DIR --plugins DIR [--plan NAME]... [--follows N] [--kills N] -- DRIVER [ARGUMENT]...

Starts a daemon, puts the fault proxy before it, has the driver submit, append and follow through it, kills
drivers and the daemon meanwhile, records what each of them asked, received and was told, and gives the
history to domed-check-history, which names the clause that was broken.  docs/clients.md says what a driver
is.  Needs Python 3.11 and nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import Any, Iterator

WORKERS = 6
Fields = dict[str, Any]


class Failed(Exception):
    """The client did what it must not do, in a way that no history shows."""


class History:
    """As docs/history.md has it; thread-safe, its lines in the order of their times."""

    def __init__(self, path: str, store: str, durability: str) -> None:
        self._file = open(path, "w", encoding="utf-8")
        self._lock = threading.Lock()
        self.write("", "history", version=1, store=store, durability=durability)

    def write(self, who: str, what: str, **fields: Any) -> None:
        with self._lock:
            record = {"t": time.monotonic_ns() // 1000, "who": who, "what": what, **fields}
            self._file.write(json.dumps({k: v for k, v in record.items() if v is not None}, ensure_ascii=False) + "\n")

    def close(self) -> None:
        self._file.close()


class Driver:
    """One process that answers commands."""

    def __init__(self, command: list[str], endpoint: str, patience: float) -> None:
        self._patience = patience
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "DOMED_ENDPOINT": endpoint},
            start_new_session=True,
        )  # fmt: skip
        self._answers: dict[int, queue.Queue[Fields | None]] = {}
        self._lock = threading.Lock()
        self._next = 0
        self._ended = self.killed = False
        threading.Thread(target=self._read, daemon=True).start()
        self.hello = next(self.ask("hello"))
        self.can: set[str] = set(self.hello["can"])

    def ask(self, what: str, **fields: Any) -> Iterator[Fields]:
        """What comes of a command, until its owner has enough."""
        return self.take(self.send(what, **fields))

    def send(self, what: str, **fields: Any) -> int:
        with self._lock:
            self._next += 1
            id, self._answers[self._next] = self._next, queue.Queue()
            if self._ended:
                self._answers[id].put(None)
        self._write({"id": id, "do": what, **fields})
        return id

    def stop(self, id: int) -> None:
        self._write({"id": id, "do": "stop"})

    def take(self, id: int) -> Iterator[Fields]:
        while True:
            try:
                answer = self._answers[id].get(timeout=self._patience)
            except queue.Empty:
                raise TimeoutError(f"no word of the driver within {self._patience:.0f} s") from None
            if answer is None:
                return
            yield answer

    def _write(self, message: Fields) -> None:
        with contextlib.suppress(BrokenPipeError):
            assert self._process.stdin is not None
            with self._lock:
                self._process.stdin.write((json.dumps(message, separators=(",", ":")) + "\n").encode())
                self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.endswith(b"\n"):
                break  # it was killed in the middle of it
            message = json.loads(line)
            self._answers[message["id"]].put(message)
        with self._lock:
            self._ended = True
            for answers in self._answers.values():
                answers.put(None)

    def kill(self) -> None:
        """As by the system, with all that it started."""
        self.killed = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()


class Daemon:
    def __init__(self, bin: str, plugins: str, store: str, directory: str) -> None:
        self._bin = bin
        self.run = f"{directory}/run"
        self.url = f"ipc://{self.run}/control.ipc"
        self._directory = directory
        os.mkdir(self.run, 0o700)
        with open(f"{directory}/domed.yaml", "w", encoding="utf-8") as file:
            file.write(
                f'domed: 1\ncontrol: {{ listen: ["{self.url}"] }}\nevents: {{ listen: ["ipc://{self.run}/events.ipc"] }}\n'
                f"state_dir: {directory}/state\nplugin_path: [{os.path.abspath(plugins)}]\nstore: {{ plugin: {store} }}\n"
                "jobs: { allow_ad_hoc: true, cancel_grace: 1s, drain: 300ms }\n"
            )

    def start(self) -> None:
        with open(f"{self._directory}/log", "ab") as log:
            self._process = subprocess.Popen(
                [f"{self._bin}/domed", "--config", f"{self._directory}/domed.yaml"], stdout=log, stderr=log
            )
        self.ctl("health", patience=60)

    def end(self, how: int = signal.SIGKILL) -> None:
        self._process.send_signal(how)
        self._process.wait()

    def ctl(self, *arguments: str, patience: int = 30) -> str:
        """What domectl answers, past the proxy."""
        command = [f"{self._bin}/domectl", "--endpoint", self.url, "--connect-wait", f"{patience}s", *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"domectl {' '.join(arguments)}: {done.stderr}{self.last_words()}")
        return done.stdout

    def last_words(self) -> str:
        with open(f"{self._directory}/log", encoding="utf-8", errors="replace") as log:
            return log.read()[-3000:]


class Proxy:
    def __init__(self, bin: str, directory: str, real: str, plan: str, seed: int) -> None:
        os.mkdir(directory, 0o700)
        self.url = f"ipc://{directory}/control.ipc"
        self._process = subprocess.Popen(
            [f"{bin}/domed-fault-proxy", "--listen", directory, "--to", real, "--plan", plan, "--seed", str(seed)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise Failed("the proxy does not listen")

    def cut(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> str:
        out, _ = self._process.communicate()
        return out.strip()


@dataclass
class Job:
    id: str
    log: str
    token: str
    over: threading.Event


def log_event(text: str) -> str:
    return json.dumps({"type": "log", "payload": {"stream": "stdout", "text": text}}, ensure_ascii=False)


def change(to: str) -> str:
    return f'{{"type":"state_change","payload":{{"to":"{to}"}}}}'


def seq_of(line: str) -> int:
    return int(json.loads(line)["seq"])


class Suite:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.dice = random.Random(options.seed)
        self.directory = tempfile.mkdtemp(prefix="domed-clients-")
        durability = "none" if options.store == "store-memory" else "power"
        self.history = History(f"{self.directory}/history.jsonl", options.store, durability)
        self.daemon = Daemon(options.bin, options.plugins, options.store, self.directory)
        self.problems: list[str] = []
        self.counts = {"follows": 0, "events": 0, "resumed": 0, "killed drivers": 0, "kills of the daemon": 0}
        self._lock = threading.Lock()
        self._keys = 0

    def count(self, what: str, more: int = 1) -> None:
        with self._lock:
            self.counts[what] += more

    def problem(self, text: str) -> None:
        with self._lock:
            self.problems.append(text)

    # Driving, recorded.

    def submit(self, who: str, driver: Driver, params: Fields) -> Job:
        request = {k: v for k, v in params.items() if k not in ("client_id", "idempotency_key")}
        key = {
            "client": params.get("client_id", ""), "key": params["idempotency_key"],
            "request": hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest(),
        }  # fmt: skip
        self.history.write(who, "submit", **key)
        answer = next(driver.ask("submit", params=params))
        if "error" in answer:
            self.history.write(who, "refused", of="submit", error=answer["error"], **key)
            raise Failed(f"{who}: submit: {answer}")
        result = answer["result"]
        token = result.get("producer_token", "")
        self.history.write(
            who, "submitted", **key, job=result["job_id"], log=result["log_id"], replayed=result["replayed"],
            token=hashlib.sha256(token.encode()).hexdigest(),
        )  # fmt: skip
        return Job(result["job_id"], result["log_id"], token, threading.Event())

    def append(self, who: str, driver: Driver, job: Job, producer: str, batches: list[str], window: int, pause: int) -> None:
        for number, events in enumerate(batches, 1):
            self.history.write(who, "append", job=job.id, producer=producer, batch=number, events=events)
        acked = 0
        for answer in driver.ask(
            "append", job=job.id, token=job.token, producer=producer, batches=batches, window=window, pause_ms=pause
        ):
            if "batch" in answer:
                acked += 1
                self.history.write(
                    who, "appended", job=job.id, producer=producer,
                    **{k: answer[k] for k in ("batch", "first", "head", "state", "replayed")},
                )  # fmt: skip
                if answer["batch"] != acked:
                    self.problem(f"{who}: batch {answer['batch']} was acknowledged as number {acked}")
            elif "error" in answer:
                head = answer.get("fields", {}).get("head")
                self.history.write(who, "refused", of="append", job=job.id, error=answer["error"], head=head)
                raise Failed(f"{who}: append: {answer}")
            else:
                break
        if acked != len(batches):
            self.problem(f"{who}: {acked} of {len(batches)} batches were acknowledged")

    def follow(self, who: str, driver: Driver, job: Job, since: int = 0, leave: int | None = None, kill: bool = False, **more: Any) -> tuple[str, int, Fields]:
        """How it ended, the seq it came to, and its last word.  After "leave" events it is stopped or, with
        its driver, killed."""
        log, cursor, events, told = more.get("log", ""), since, 0, False
        self.history.write(who, "follow", job=job.id, since=since, log=log, tail=more.get("tail", True))
        id = driver.send("follow", job=job.id, since=since, **more)
        last: Fields = {}
        for answer in driver.take(id):
            if "seq" in answer:
                cursor = answer["seq"]
                self.history.write(who, "event", job=job.id, log=log or job.log, seq=cursor, line=answer["line"])
                events += 1
            elif "log" in answer:
                log = answer["log"]
            elif "end" in answer:
                last = answer
                break
            else:
                raise Failed(f"{who}: follow: {answer}")
            if leave is not None and events >= leave and not told:
                told = True
                if kill:
                    driver.kill()  # what it said is still read
                else:
                    driver.stop(id)
        self.count("events", events)
        if not last:
            self.history.write(who, "killed", job=job.id)
            if not kill:
                self.problem(f"{who}: the driver ended by itself")
            return "killed", cursor, {}
        self.history.write(
            who, "end", job=job.id, end=last["end"], error=last.get("error"), cursor=cursor,
            head=last.get("fields", {}).get("head"), digest=last.get("digest"),
        )  # fmt: skip
        if last.get("cursor", cursor) != cursor:
            self.problem(f"{who}: says that it is at {last['cursor']}, and gave {cursor}")
        return last["end"], cursor, last

    # One plan.

    def run_plan(self, plan: str, number: int) -> None:
        proxy = Proxy(self.options.bin, f"{self.directory}/p{number}", self.daemon.run, plan, self.dice.randrange(1 << 32))
        self.endpoint = proxy.url
        jobs: list[Job] = []
        follows: queue.Queue[tuple[Job, int] | None] = queue.Queue()
        done = threading.Event()
        begin, before = time.monotonic(), self.counts["follows"]
        producers = [
            threading.Thread(target=self.guarded, args=(self.produce, plan, each, jobs, follows, random.Random(self.dice.random())))
            for each in range(2)
        ]
        followers = [
            threading.Thread(target=self.guarded, args=(self.follow_all, f"{plan}-follower-{each}", follows, random.Random(self.dice.random())))
            for each in range(WORKERS)
        ]
        chaos = threading.Thread(target=self.guarded, args=(self.break_things, proxy, done, random.Random(self.dice.random())))
        for thread in producers + followers + [chaos]:
            thread.start()
        for thread in producers:
            thread.join()
        for _ in followers:
            follows.put(None)
        for thread in followers:
            thread.join()
        done.set()
        chaos.join()
        self.guarded(self.losses, plan)
        touched = proxy.end()
        self.audit(jobs)
        print(f"{plan:16} {self.counts['follows'] - before} follows in {time.monotonic() - begin:.1f} s, {touched}", flush=True)

    def guarded(self, work: Any, *arguments: Any) -> None:
        try:
            work(*arguments)
        except Exception as error:  # told at the end; the others go on
            self.problem(f"{type(error).__name__}: {error}")

    def drive(self, command: list[str] | None = None) -> Driver:
        return Driver(command or self.options.driver, self.endpoint, self.options.patience)

    def produce(self, plan: str, number: int, jobs: list[Job], follows: queue.Queue[Any], dice: random.Random) -> None:
        """Jobs for as many follows as were asked for, half of them for each of two producers."""
        driver = self.drive()
        if not {"submit", "append"} <= driver.can:
            driver.close()
            driver = self.drive(self.options.producer)
        who = f"{plan}-producer-{number}"
        share = (self.options.follows + number) // 2
        while share > 0:
            with self._lock:
                self._keys += 1
                key = f"{plan}-{self.options.seed}-{self._keys}"
            many = min(share, dice.randint(1, 4))
            share -= many
            live = dice.random() < 0.7
            if dice.random() < 0.2:
                script = f"seq {dice.randrange(400)}; sleep 0.{dice.randrange(5)}; exit {dice.randrange(3)}"
                job = self.submit(who, driver, {"idempotency_key": key, "command": ["sh", "-c", script]})
                batches = None
            else:
                params = {"idempotency_key": key, "executor": "external"}
                job = self.submit(who, driver, params)
                if dice.random() < 0.3 and self.submit(who, driver, params).id != job.id:
                    self.problem(f"{who}: the same request made two jobs")
                batches = self.batches(dice)
            jobs.append(job)
            styles = [dice.randrange(10) for _ in range(many)]
            if live:
                for style in styles:
                    follows.put((job, style))
            if batches:
                self.append(who, driver, job, f"p{dice.randrange(1000)}", batches, dice.randint(1, 16), dice.randrange(15))
            if not live:
                for style in styles:
                    follows.put((job, style))
        driver.close()

    def batches(self, dice: random.Random) -> list[str]:
        texts = ["x", "ß", '"', "\\", '},{"job_id":"', "\u2028", "\u0001", "日本", "😀", ' ']
        batches = [f"[{change('running')}]"]
        for number in range(dice.randint(1, 25)):
            lines = [f"{number}.{at} " + "".join(dice.choices(texts, k=dice.randrange(30))) for at in range(dice.randint(1, 12))]
            batches.append(f"[{','.join(map(log_event, lines))}]")
        return [*batches, f"[{log_event('end')},{change(dice.choice(['succeeded', 'failed']))}]"]

    def follow_all(self, who: str, follows: queue.Queue[tuple[Job, int] | None], dice: random.Random) -> None:
        driver = self.drive()
        while (wanted := follows.get()) is not None:
            job, style = wanted
            try:
                driver = self.follow_in_style(who, driver, job, style, dice)
            except (Failed, TimeoutError) as error:
                self.history.write(who, "end", job=job.id, end="deadline", cursor=0)
                self.problem(f"{who}: job {job.id}: {error}")
                driver.kill()
                driver = self.drive()
            self.count("follows")
        driver.close()

    def follow_in_style(self, who: str, driver: Driver, job: Job, style: int, dice: random.Random) -> Driver:
        """To the end; in pieces, or with drivers that are killed, as it comes."""
        frames = "frames" in driver.can and style % 3 != 0
        leaves = style >= 6
        since, log = 0, ""
        while True:
            leave = dice.randint(1, 40) if leaves else None
            kill = leaves and (style >= 8 or "stop" not in driver.can)
            end, since, last = self.follow(who, driver, job, since, leave, kill, log=log, frames=frames)
            if driver.killed:  # it may have said its last word before
                self.count("killed drivers")
                driver = self.drive()
            if end in ("killed", "stopped"):
                self.count("resumed")
                log = job.log if since else ""
                continue
            if end != "terminal":
                self.problem(f"{who}: the follow of {job.id} ended with {last}")
            return driver

    def break_things(self, proxy: Proxy, done: threading.Event, dice: random.Random) -> None:
        kills = self.options.kills if self.options.store != "store-memory" else 0
        while not done.wait(0.2 + dice.random() * 0.8):
            if kills > 0 and dice.random() < 0.5:
                kills -= 1
                self.daemon.end()
                self.history.write("chaos", "daemon", state="killed")
                self.daemon.start()
                self.history.write("chaos", "daemon", state="started")
                self.count("kills of the daemon")
            else:
                proxy.cut()

    def losses(self, plan: str) -> None:
        """What must be told aloud, each by its name."""
        driver = self.drive()
        producer = driver if {"submit", "append"} <= driver.can else self.drive(self.options.producer)
        who = f"{plan}-loser"

        def job(name: str) -> Job:
            made = self.submit(who, producer, {"idempotency_key": f"{plan}-{self.options.seed}-{name}", "executor": "external"})
            self.append(who, producer, made, "p", [f"[{change('running')},{log_event('a')},{log_event('b')}]", f"[{change('succeeded')}]"], 8, 0)
            return made

        def expect(error: str, made: Job, **more: Any) -> None:
            end, _, last = self.follow(who, driver, made, **more)
            if (end, last.get("error")) != ("error", error):
                self.problem(f"{who}: {error} was to be told, and it ended with {last}")

        trimmed, deleted, kept = job("trimmed"), job("deleted"), job("kept")
        self.daemon.ctl("trim", trimmed.id, "--keep-from", "4")
        self.history.write("chaos", "trimmed", job=trimmed.id, first=4)
        self.daemon.ctl("delete", deleted.id)
        self.history.write("chaos", "deleted", job=deleted.id)
        expect("E_COMPACTED", trimmed)
        expect("E_GONE", deleted)
        expect("E_CURSOR_AHEAD", kept, since=99)
        expect("E_LOG_CHANGED", kept, log="0" * 32, since=1)
        nobody = Job("nobody", "", "", threading.Event())
        end, _, last = self.follow(who, driver, nobody)
        if last.get("error") != "E_NOT_FOUND":
            self.problem(f"{who}: E_NOT_FOUND was to be told, and it ended with {last}")
        # The end is the end for whoever begins behind it.
        self.follow(who, driver, kept)
        end, cursor, _ = self.follow(who, driver, kept, since=6, log=kept.log)
        if (end, cursor) != ("terminal", 6):
            self.problem(f"{who}: a follow from the end of a job ended with {end} at {cursor}")
        for each in {driver, producer}:
            each.close()

    def audit(self, jobs: list[Job]) -> None:
        """What is there in the end, past the proxy and the client."""
        for job in jobs:
            status = json.loads(self.daemon.ctl("status", job.id, "--json"))
            self.history.write(
                "auditor", "status", job=job.id, log=status["log_id"], state=status["state"], first=status["first_seq"],
                head=status["as_of_seq"], digest=status["digest"], base_digest=status["base_digest"],
            )  # fmt: skip
            self.history.write("auditor", "follow", job=job.id, since=0, log="", tail=False)
            cursor = 0
            for line in self.daemon.ctl("follow", job.id, "--json", "--no-follow").removesuffix("\n").split("\n"):
                cursor = seq_of(line)
                self.history.write("auditor", "event", job=job.id, log=job.log, seq=cursor, line=line)
            self.history.write("auditor", "end", job=job.id, end="terminal", cursor=cursor)

    # All of it.

    def plans(self) -> list[str]:
        listed = subprocess.run([f"{self.options.bin}/domed-fault-proxy", "--list"], capture_output=True, text=True, check=True)
        known = [line.split("\t")[0] for line in listed.stdout.splitlines()]
        for plan in self.options.plan or []:
            if plan not in known:
                raise SystemExit(f"suite.py: there is no plan '{plan}': there are {', '.join(known)}")
        return self.options.plan or known

    def run(self) -> bool:
        print(f"seed {self.options.seed}, store {self.options.store}", flush=True)
        self.daemon.start()
        try:
            for number, plan in enumerate(self.plans()):
                self.run_plan(plan, number)
        finally:
            with contextlib.suppress(Exception):
                self.daemon.end(signal.SIGTERM)
            self.history.close()
        checked = subprocess.run([f"{self.options.bin}/domed-check-history", f"{self.directory}/history.jsonl"], capture_output=True, text=True)
        kept = checked.returncode == 0 and not self.problems
        print(", ".join(f"{count} {what}" for what, count in self.counts.items()))
        for problem in self.problems[:20]:
            print(f"problem: {problem}")
        print((checked.stdout + checked.stderr).strip())
        print("every clause kept" if kept else f"FAILED; the history is kept in {self.directory}")
        if self.options.keep:
            shutil.copy(f"{self.directory}/history.jsonl", self.options.keep)
        if kept:
            shutil.rmtree(self.directory)
        return kept


def main() -> None:
    parser = argparse.ArgumentParser(description="One suite for all clients: docs/clients.md.")
    parser.add_argument("--bin", required=True, help="directory of domed, domectl, domed-fault-proxy and domed-check-history")
    parser.add_argument("--plugins", required=True, help="directory of the plugins")
    parser.add_argument("--store", default="store-sqlite")
    parser.add_argument("--plan", action="append", help="a fault plan, again for more; without it: all")
    parser.add_argument("--follows", type=int, default=6, help="so many in each plan")
    parser.add_argument("--kills", type=int, default=1, help="of the daemon, in each plan, at most")
    parser.add_argument("--patience", type=float, default=60.0, help="for the next word of a driver, in seconds")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--keep", metavar="FILE", help="keep the history in this file")
    parser.add_argument("--producer", default="", help="a driver that submits and appends where the one that is tried cannot; a command")
    parser.add_argument("driver", nargs="+")
    options = parser.parse_args()
    options.producer = options.producer.split() or [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "driver.py")]
    for name in [name for name in os.environ if name.startswith("DOMED_")]:
        del os.environ[name]
    sys.exit(0 if Suite(options).run() else 1)


if __name__ == "__main__":
    main()
