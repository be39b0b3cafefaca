"""The real daemon, in a directory of its own.  DOMED_TEST_BIN and DOMED_TEST_PLUGINS say where it is built."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import unittest

BIN, PLUGINS = os.environ.get("DOMED_TEST_BIN"), os.environ.get("DOMED_TEST_PLUGINS")
needs_daemon = unittest.skipUnless(BIN and PLUGINS, "DOMED_TEST_BIN and DOMED_TEST_PLUGINS name no build")


class RealDaemon:
    def __init__(self, control: str = "", events: str = "", more: str = "") -> None:
        self.directory = tempfile.mkdtemp(prefix="domed-py-")
        self.url = f"ipc://{self.directory}/run/domed/control.ipc"
        with open(f"{self.directory}/domed.yaml", "w", encoding="utf-8") as file:
            file.write(
                f'domed: 1\ncontrol: {{ listen: ["{self.url}"{control}] }}\n'
                f'events: {{ listen: ["ipc://{self.directory}/run/domed/events.ipc"{events}] }}\n'
                f"state_dir: {self.directory}/state\nplugin_path: [{PLUGINS}]\nstore: {{ plugin: store-sqlite }}\n"
                f"jobs: {{ allow_ad_hoc: true, cancel_grace: 1s, drain: 300ms }}\n{more}"
            )

    def __enter__(self) -> RealDaemon:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.end()
        shutil.rmtree(self.directory)

    def start(self) -> None:
        import domed

        with open(f"{self.directory}/log", "ab") as log:
            self.process = subprocess.Popen(
                [f"{BIN}/domed", "--config", f"{self.directory}/domed.yaml"], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with domed.Client(self.url, connect_wait=1) as client:
                    client.health()
                return
            except domed.DomedError:
                time.sleep(0.05)
        with open(f"{self.directory}/log", encoding="utf-8", errors="replace") as log:
            raise RuntimeError("the daemon does not serve: " + log.read()[-3000:])

    def end(self, kill: bool = False) -> None:
        (self.process.kill if kill else self.process.terminate)()
        self.process.wait()
