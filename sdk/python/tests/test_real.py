"""The real daemon, as it is used: the examples of the README, TLS and tokens, restarts."""

import contextlib
import hashlib
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

import certificates
from real_daemon import BIN, RealDaemon, needs_daemon

import domed

PACKAGE = Path(__file__).resolve().parent.parent


@needs_daemon
class Readme(unittest.TestCase):
    def test_every_example_prints_what_stands_below_it(self):
        text = (PACKAGE / "README.md").read_text()
        examples = re.findall(r"```python\n(.*?)```\n```console\n(.*?)```", text, re.S)
        self.assertEqual(text.count("```python"), len(examples))
        with RealDaemon() as daemon, mock.patch.dict(os.environ, {"DOMED_ENDPOINT": daemon.url}):
            for example, expected in examples:
                with self.subTest(example.splitlines()[0]), contextlib.redirect_stdout(io.StringIO()) as out:
                    exec(compile(example, "README.md", "exec"), {"__name__": "__main__"})
                self.assertEqual(expected, out.getvalue(), example)


@needs_daemon
class Daemon(unittest.TestCase):
    def setUp(self):
        self.daemon = RealDaemon().__enter__()
        self.addCleanup(lambda: self.daemon.__exit__())
        self.client = domed.Client(self.daemon.url)
        self.addCleanup(self.client.close)

    def test_every_method_answers(self):
        client = self.client
        self.assertIn("operator", client.whoami()["roles"])
        self.assertIn("lines", client.features())
        self.assertEqual([], client.tools())
        with self.assertRaises(domed.NotFound):
            client.tool("none")
        held = client.submit(["true"], hold=True, labels={"a": "b"})
        self.assertEqual({"job_id": held.job_id, "held": True}, client.hold(held.job_id))
        self.assertFalse(client.release(held.job_id, "go")["held"])
        self.assertEqual("succeeded", client.wait(held.job_id, timeout=60).state)
        self.assertTrue(client.cancel(held.job_id)["already_terminal"])
        with self.assertRaises(domed.DomedError):
            client.pause(held.job_id)
        with self.assertRaises(domed.DomedError):
            client.resume(held.job_id)
        again = client.retry(held.job_id)
        self.assertEqual("succeeded", client.wait(again.job_id, timeout=60).state)
        self.assertEqual([again.job_id, held.job_id], [job.job_id for job in client.list(label="a=b", state="succeeded")])
        self.assertEqual([again.job_id], [job.job_id for job in client.list_page(limit=1).jobs])
        client.delete(held.job_id)
        with self.assertRaises(domed.Gone):
            list(client.follow(held.job_id))
        ended = client.submit(["sh", "-c", "exit 3"], wait=10, name="short")
        self.assertEqual((True, "failed", "exit", 3), (ended.is_over, ended.state, ended.reason, ended.exit_code))
        long = client.submit(["sleep", "60"], wait=0.01)
        self.assertFalse(long.is_over)
        client.cancel(long.job_id)
        self.assertEqual("canceled", client.wait(long.job_id).state)  # no runner is left behind
        with self.assertRaises(domed.UnknownMethod):
            client.call("Nonsense")
        with self.assertRaises(domed.InvalidRequest):
            client.call("GetJobStatus", {"job": 1})
        with self.assertRaises(domed.IdempotencyKeyReused):
            for number in "12":
                client.run(["echo", number], key="same")

    def test_input_and_output_are_bytes(self):
        data = bytes(range(256)) * 50 + b"no line feed"
        outcome = self.client.run(["cat"], stdin=data)
        self.assertEqual(data, outcome.stdout)
        with self.assertRaises(domed.JobFailed):
            self.client.run(["false"]).check()

    def test_ten_thousand_lines_come_once_and_verified(self):
        job = self.client.submit(["seq", "10000"])
        with self.client.follow(job.job_id, verify=True) as follower:
            lines = [event.text for event in follower if event.type == "log"]
        self.assertEqual([str(i) for i in range(1, 10001)], lines)
        self.assertEqual(self.client.status(job.job_id).digest, follower.digest)

    def test_goes_on_over_a_killed_daemon(self):
        job = self.client.submit(external=True)
        found = []
        thread = threading.Thread(target=lambda: found.extend(self.client.follow(job.job_id, verify=True)))
        thread.start()
        with self.client.producer(job.job_id, job.producer_token) as producer:
            producer.state("running")
            for part in range(60):
                producer.append([domed.event("log", {"stream": "stdout", "text": f"{part}"})])
                if part in (20, 40):
                    self.daemon.end(kill=True)
                    self.daemon.start()
            producer.state("succeeded")
        thread.join(60)
        self.assertEqual([str(i) for i in range(60)], [event.text for event in found if event.type == "log"])

    def test_a_tool_hears_of_a_cancel(self):
        @domed.tool(client=self.client, echo=False)
        def patient():
            run = domed.current_run()
            self.client.cancel(run.job_id)
            while True:
                run.check()
                threading.Event().wait(0.05)

        with self.assertRaises(domed.Canceled):
            patient()
        job = next(iter(self.client.list()))
        self.assertEqual(("canceled", "patient"), (job.state, job.labels["function"].rpartition(".")[2]))


@needs_daemon
@certificates.needs_openssl
class OverTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="domed-py-")
        certificates.make(cls.directory)
        # What a daemon's user keeps to itself.
        Path(cls.directory, "tokens.yaml").write_text(f"- {{name: ci, sha256: {hashlib.sha256(b'domed_secret').hexdigest()}}}\n")
        for name in ("tokens.yaml", "server.key"):
            os.chmod(Path(cls.directory, name), 0o600)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def setUp(self):
        ports = []
        for _ in range(3):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                ports.append(free.getsockname()[1])
        at = self.directory
        tls = f"tls: {{cert: {at}/server.pem, key: {at}/server.key, client_ca: {at}/ca.pem}}"
        self.tls_url, self.tcp_url = f"tls+tcp://127.0.0.1:{ports[0]}", f"tcp://127.0.0.1:{ports[2]}"
        control = (
            f', {{url: "{self.tls_url}", {tls}, roles: {{operator: ["cert:ci", "token:ci"]}}}}'
            f', {{url: "{self.tcp_url}", roles: {{operator: ["token:ci"]}}}}'
        )
        events = f', {{url: "tls+tcp://127.0.0.1:{ports[1]}", {tls}, roles: {{reader: ["cert:*"]}}}}'
        try:
            self.daemon = RealDaemon(control, events, f"tokens: {at}/tokens.yaml\n").__enter__()
        except RuntimeError as error:
            if "needs a certificate and the authority" in str(error):
                self.skipTest("this daemon was built without TLS beyond loopback")
            raise
        self.addCleanup(lambda: self.daemon.__exit__())

    def in_directory(self, *names):
        return [f"{self.directory}/{name}" for name in names]

    def follow(self, client):
        job = client.submit(["sh", "-c", "echo one; sleep 0.5; echo two"])
        return [event.text for event in client.follow(job.job_id, verify=True) if event.type == "log"]

    def test_a_certificate_says_who_asks(self):
        ca, cert, key = self.in_directory("ca.pem", "ci.pem", "ci.key")
        with domed.Client(self.tls_url, ca=ca, cert=cert, key=key) as client:
            self.assertEqual("cert:ci", client.whoami()["identity"])
            self.assertEqual(["one", "two"], self.follow(client))

    def test_a_token_says_so_too(self):
        (ca,) = self.in_directory("ca.pem")
        for url in (self.tls_url, self.tcp_url):
            with domed.Client(url, ca=ca, token="domed_secret") as client:
                self.assertEqual("token:ci", client.whoami()["identity"])
                self.assertEqual(["one", "two"], self.follow(client))
            with domed.Client(url, ca=ca, token="wrong") as client, self.assertRaises(domed.Forbidden):
                client.status("any")

    def test_a_daemon_of_another_authority_is_sent_nothing(self):
        with domed.Client(self.tls_url, token="domed_secret", connect_wait=0.5) as client:
            with self.assertRaises(domed.Unreachable) as caught:
                client.health()
            self.assertIn("certificate", str(caught.exception))


class Package(unittest.TestCase):
    def test_builds_a_wheel_and_a_source_distribution(self):
        with tempfile.TemporaryDirectory() as out:
            built = subprocess.run([PACKAGE / "build-packages", out], capture_output=True, text=True)
            if built.returncode == 77:
                self.skipTest(built.stderr)
            self.assertEqual(0, built.returncode, built.stderr)
            names = sorted(os.listdir(out))
            self.assertEqual(["domed-0.1.0-py3-none-any.whl", "domed-0.1.0.tar.gz"], names)
            listed = subprocess.run([sys.executable, "-m", "zipfile", "-l", f"{out}/{names[0]}"], check=True, capture_output=True, text=True).stdout
            self.assertIn("domed/py.typed", listed)
            # It works from within the wheel, alone.
            subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {out + '/' + names[0]!r}); import domed; domed.Client"], check=True)

    @unittest.skipUnless(shutil.which("mypy"), "mypy is not installed")
    def test_is_typed_strictly(self):
        checked = subprocess.run(["mypy", "--config-file", PACKAGE / "pyproject.toml", "--cache-dir", os.devnull, PACKAGE / "src/domed"], capture_output=True, text=True)
        self.assertEqual(0, checked.returncode, checked.stdout + checked.stderr)
