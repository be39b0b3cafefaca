#!/usr/bin/env python3
"""A client that does not keep the contract, for a look at whether the suite finds that:

    broken.py FAULT DRIVER [ARGUMENT]...

Stands before a driver and changes what it says of its follows.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading


class Fault:
    """"change" says what becomes of one message."""

    def __init__(self, name: str) -> None:
        self.change = getattr(self, name)
        self.seen: dict[int, int] = {}

    def repeats(self, message):
        return [message, message] if message.get("seq") == 4 else [message]

    def skips(self, message):
        return [] if message.get("seq") == 4 else [message]

    def swaps(self, message):
        held = getattr(self, "held", None)
        if message.get("seq") == 3 and held is None:
            self.held = message
            return []
        if held is not None:
            self.held = None
            return [message, held]
        return [message]

    def changes(self, message):
        if message.get("seq") == 3:
            message["line"] = message["line"].replace('"ts":"2', '"ts":"3')
        return [message]

    def ends(self, message):
        """Behind the third event of a follow, as if the job were over."""
        id = message["id"]
        if self.seen.get(id, 0) >= 3:
            return []
        if "seq" in message:
            self.seen[id] = self.seen.get(id, 0) + 1
            if self.seen[id] == 3:
                return [message, {"id": id, "end": "terminal", "cursor": message["seq"]}]
        return [message]

    def hangs(self, message):
        return [] if message.get("end") == "terminal" else [message]

    def hashes(self, message):
        if "digest" in message:
            message["digest"] = hashlib.sha256(b"").hexdigest()
        return [message]

    def hushes(self, message):
        """An error becomes an end."""
        return [{"id": message["id"], "end": "terminal", "cursor": message.get("cursor", 0)}] if message.get("end") == "error" else [message]


def main() -> None:
    fault = Fault(sys.argv[1])
    driver = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def commands() -> None:
        for line in sys.stdin.buffer:
            driver.stdin.write(line)
            driver.stdin.flush()
        driver.stdin.close()

    threading.Thread(target=commands, daemon=True).start()
    for line in driver.stdout:
        for message in fault.change(json.loads(line)):
            sys.stdout.buffer.write(json.dumps(message, ensure_ascii=False).encode() + b"\n")
            sys.stdout.buffer.flush()


main()
