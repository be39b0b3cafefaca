"""Both clients against a daemon that misbehaves."""

import asyncio
import json
import os
import shutil
import ssl
import tempfile
import threading
import time
import unittest
from unittest import mock

import certificates
from fake_daemon import Cut, FakeDaemon, Log, Raw, Refusal, Silence, log_payload, pulse

import domed
from domed import sp
from domed.endpoint import Identity, default_endpoint, endpoint_of, endpoints_of


def times(count, error):
    """A trick that happens so often, then no more."""
    left = [count]

    def trick(method, params):
        if left[0] > 0:
            left[0] -= 1
            raise error

    return trick


class Endpoints(unittest.TestCase):
    def test_a_list_is_split_where_a_url_begins(self):
        found = [each.url for each in endpoints_of("ipc:///a,b,tcp://h:1,tls+tcp://[::1]:2")]
        self.assertEqual(["ipc:///a,b", "tcp://h:1", "tls+tcp://[::1]:2"], found)

    def test_what_is_none_is_told(self):
        for url in ("", "ipc://relative", "tcp://h", "tcp://h:99999", "ws://h:1/", "http://h:1", "ipc:///" + "a" * 200):
            with self.assertRaises(domed.InvalidRequest, msg=url):
                endpoints_of(url)

    def test_the_environment_says_where(self):
        self.assertEqual("tcp://h:1", default_endpoint({"DOMED_ENDPOINT": "tcp://h:1", "HOME": "/h"}))
        self.assertEqual("ipc:///r/domed/control.ipc", default_endpoint({"XDG_RUNTIME_DIR": "/r"}))
        self.assertEqual("ipc:///h/.local/state/domed/run/domed/control.ipc", default_endpoint({"HOME": "/h"}))
        for environment in ({}, {"XDG_RUNTIME_DIR": "r"}, {"HOME": "h"}):
            with self.assertRaises(domed.InvalidRequest):
                default_endpoint(environment)

    def test_the_environment_says_who(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("domed_abc\n")
            file.flush()
            named = {"DOMED_CA": "a", "DOMED_CERT": "b", "DOMED_KEY": "c", "DOMED_TOKEN_FILE": file.name, "DOMED_ENDPOINT_USER": "77"}
            found = Identity.from_environment(environment=named)
            self.assertEqual(("a", "b", "c", "domed_abc", 77), (found.ca, found.cert, found.key, found.token, found.user))
        self.assertEqual("t", Identity.from_environment(environment={"DOMED_TOKEN": "t", "DOMED_TOKEN_FILE": "/nowhere"}).token)
        self.assertNotIn("secret", repr(Identity(token="secret")))

    def test_another_users_daemon_is_sent_nothing(self):
        identity = Identity()
        self.assertTrue(identity.trusts(0) and identity.trusts(os.geteuid()))
        self.assertFalse(identity.trusts(4_000_000))
        self.assertTrue(Identity(user=4_000_000).trusts(4_000_000))
        with FakeDaemon() as daemon:
            identity.trusts = lambda user: False
            client = domed.Client(daemon.url)
            client.aio.identity = identity
            with self.assertRaises(domed.Untrusted):
                client.health()
            self.assertEqual([], daemon.raw_requests)
            client.close()


class Calls(unittest.TestCase):
    def setUp(self):
        self.daemon = FakeDaemon().__enter__()
        self.addCleanup(lambda: self.daemon.__exit__())
        self.client = domed.Client(self.daemon.url, reply_timeout=0.3, timeout=10)
        self.addCleanup(self.client.close)

    def test_answers(self):
        self.assertEqual("fake", self.client.health()["version"])

    def test_a_lost_connection_is_made_again_with_the_same_bytes(self):
        self.daemon.trick = times(3, Cut())
        job = self.client.submit(["true"], labels={"a": "b"})
        self.assertEqual(4, len(self.daemon.requests))
        self.assertEqual(1, len({json.dumps(params) for _, params in self.daemon.requests}))
        self.assertTrue(job.job_id.startswith("job-"))

    def test_a_reply_that_does_not_come_is_asked_for_again(self):
        self.daemon.trick = times(2, Silence())
        self.client.health()
        self.assertEqual(3, len(self.daemon.requests))

    def test_busy_is_waited_out_as_it_says(self):
        self.daemon.trick = times(1, Refusal("E_BUSY", True, retry_ms=400))
        begin = time.monotonic()
        self.client.health()
        self.assertGreaterEqual(time.monotonic() - begin, 0.4)

    def test_what_is_not_retryable_is_raised_at_once(self):
        self.daemon.trick = times(1, Refusal("E_FORBIDDEN", identity="anyone", needs="operator"))
        with self.assertRaises(domed.Forbidden) as caught:
            self.client.health()
        self.assertEqual("operator", caught.exception.fields["needs"])
        self.assertEqual(1, len(self.daemon.requests))

    def test_the_deadline_tells_what_it_waited_for(self):
        self.daemon.trick = times(1000, Refusal("E_STORE", True))
        with self.assertRaises(domed.StoreFailed):
            self.client.call("Health", timeout=0.4)

    def test_garbage_and_false_lengths_end_the_connection_not_the_client(self):
        for garbage in (b"garbage!!!", sp.header(True, 1 << 62), sp.header(True, 2) + b"xx", b"\2"):
            self.daemon.trick = times(2, Raw(garbage))
            self.assertEqual("fake", self.client.health()["version"], garbage)

    def test_a_reply_that_is_none_is_an_error(self):
        self.daemon.trick = lambda method, params: b'1'
        with self.assertRaises(domed.ProtocolError):
            self.client.health()

    def test_answers_find_their_calls_in_any_order(self):
        self.daemon.jobs["a"], self.daemon.jobs["b"] = Log("a"), Log("b")
        found = {}
        slow = threading.Thread(target=lambda: found.update(a=self.client.call("StreamJobEvents", {"job_id": "a", "since_seq": 1, "wait_ms": 5000})))
        slow.start()
        while not any(method == "StreamJobEvents" for method, _ in self.daemon.requests):
            time.sleep(0.01)
        found["b"] = self.client.status("b").job_id
        self.daemon.add("a", "x-a", {})
        slow.join()
        self.assertEqual(("b", 2), (found["b"], found["a"]["head_seq"]))

    def test_text_that_is_no_utf8_is_refused_here(self):
        with self.assertRaises(domed.InvalidRequest):
            self.client.submit(["echo", "\udcff"])
        with self.assertRaises(domed.InvalidRequest):
            self.client.submit("echo")
        self.assertEqual([], self.daemon.requests)


class Dialling(unittest.TestCase):
    def test_where_nobody_is_it_says_so_soon(self):
        client = domed.Client("ipc:///nowhere/control.ipc", connect_wait=0.1)
        begin = time.monotonic()
        with self.assertRaises(domed.Unreachable) as caught:
            client.health()
        self.assertTrue(caught.exception.never_there)
        self.assertIn("/nowhere/control.ipc", str(caught.exception))
        self.assertLess(time.monotonic() - begin, 2)

    def test_a_daemon_may_come_a_moment_later(self):
        with FakeDaemon() as daemon:
            daemon.stop()
            threading.Timer(0.3, daemon.start).start()
            with domed.Client(daemon.url, connect_wait=10) as client:
                self.assertEqual("fake", client.health()["version"])

    def test_it_may_come_later_than_a_reply_has_to(self):
        with FakeDaemon() as daemon:
            daemon.stop()
            threading.Timer(1.0, daemon.start).start()
            with domed.Client(daemon.url, connect_wait=30, reply_timeout=0.3) as client:
                daemon.jobs["j"] = Log("j")
                daemon.jobs["j"].add("state_change", {"to": "failed"})
                self.assertEqual([1, 2], [event.seq for event in client.follow("j")])
                self.assertEqual("fake", client.health()["version"])

    def test_another_protocol_is_told_from_a_daemon(self):
        for hello in (b"SSH-2.0-OpenSSH\r\n", sp.hello(sp.PUB), b"\0SP\1\0\x31\0\0", b"\0SP\0\0\x31\1\0"):
            with FakeDaemon(hello=hello) as daemon, domed.Client(daemon.url, connect_wait=0.2) as client:
                with self.assertRaises(domed.Unreachable):
                    client.health()
                self.assertEqual([], daemon.raw_requests)

    def test_who_does_not_greet_is_not_waited_for_for_ever(self):
        with FakeDaemon(hello=b"\0SP") as daemon, domed.Client(daemon.url, connect_wait=0.3) as client:
            with self.assertRaises(domed.Unreachable):
                client.health()

    def test_of_several_the_first_that_answers_is_kept(self):
        with FakeDaemon() as first, FakeDaemon() as second:
            first.stop()
            with domed.Client(f"ipc:///nowhere/x,{first.url},{second.url}") as client:
                client.health()
                first.start()
                client.health()
                self.assertEqual((0, 2), (len(first.requests), len(second.requests)))
                second.stop()
                client.health()
                self.assertEqual(1, len(first.requests))

    def test_a_token_goes_over_tcp_and_never_over_ipc(self):
        with FakeDaemon() as daemon:
            with domed.Client(daemon.url, token="secret") as client:
                client.health()
            self.assertNotIn(b"secret", daemon.raw_requests[0])

            # The fake takes frames apart as over ipc, so only what is sent is looked at.
            got = []

            async def listen():
                async def serve(reader, writer):
                    writer.write(sp.hello(sp.REP))
                    try:
                        await reader.readexactly(8)
                        size = int.from_bytes(await reader.readexactly(8), "big")
                    except asyncio.IncompleteReadError:  # it does not trust us
                        return writer.close()
                    message = await reader.readexactly(size)
                    got.append(message[4:])
                    reply = message[:4] + b'{"jsonrpc":"2.0","id":1,"result":{"version":"tcp"}}'
                    writer.write(sp.header(False, len(reply)) + reply)

                server = await asyncio.start_server(serve, "127.0.0.1", 0)
                return server.sockets[0].getsockname()[1]

            port = daemon._do(listen())
            with domed.Client(f"tcp://127.0.0.1:{port}", token="sec\"ret") as client:
                self.assertEqual("tcp", client.health()["version"])
            self.assertEqual("sec\"ret", json.loads(got[0])["token"])

            # The port of somebody else: who listens there is looked up once they have greeted.
            with mock.patch("domed.endpoint._user_at", return_value=65533):
                with domed.Client(f"tcp://127.0.0.1:{port}", token="secret") as client:
                    with self.assertRaisesRegex(domed.Untrusted, "belongs to user 65533"):
                        client.health()
            self.assertEqual(1, len(got))

    def test_a_token_is_not_sent_in_clear_over_a_network(self):
        connection = mock.Mock()
        connection.getpeername.return_value = ("192.0.2.1", 7)
        with self.assertRaisesRegex(domed.Untrusted, "write tls\\+tcp://"):
            Identity(token="secret").check_token(endpoint_of("tcp://build.example:7"), connection)
        Identity().check_token(endpoint_of("tcp://build.example:7"), connection)


@certificates.needs_openssl
class OverTls(unittest.TestCase):
    """A server that shows a certificate, asks for one, and answers one request."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="domed-py-")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        certificates.make(cls.directory)

    def setUp(self):
        self.daemon = FakeDaemon().__enter__()
        self.addCleanup(lambda: self.daemon.__exit__())
        self.seen = []
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=f"{self.directory}/ca.pem")
        context.load_cert_chain(f"{self.directory}/server.pem", f"{self.directory}/server.key")
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # as the daemon, from Python 3.13 on

        async def serve(reader, writer):
            writer.write(sp.hello(sp.REP))
            try:
                await reader.readexactly(8)
                message = await reader.readexactly(int.from_bytes(await reader.readexactly(8), "big"))
            except asyncio.IncompleteReadError:
                return writer.close()
            certificate = writer.get_extra_info("peercert")
            self.seen.append((certificate and certificate["subject"][0][0][1], json.loads(message[4:]).get("token")))
            reply = message[:4] + b'{"jsonrpc":"2.0","id":1,"result":{"version":"%s"}}' % (b"x" * 300_000)
            writer.write(sp.header(False, len(reply)) + reply)

        async def listen():
            return await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)

        self.server = self.daemon._do(listen())
        self.url = f"tls+tcp://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        self.addCleanup(lambda: self.daemon.loop.call_soon_threadsafe(self.server.close))

    def test_shows_its_certificate_and_its_token(self):
        at = self.directory
        with domed.Client(self.url, ca=f"{at}/ca.pem", cert=f"{at}/ci.pem", key=f"{at}/ci.key", token="t") as client:
            self.assertEqual("x" * 300_000, client.health()["version"])
        self.assertEqual([("ci", "t")], self.seen)

    def test_tells_whom_it_does_not_trust_nothing(self):
        for url, ca in ((self.url, None), (self.url.replace("127.0.0.1", "localhost"), f"{self.directory}/ca.pem")):
            with domed.Client(url, ca=ca, token="t", connect_wait=0.5) as client:
                with self.assertRaises(domed.Unreachable) as caught:
                    client.health()
                self.assertIn("certificate", str(caught.exception).lower())
        self.assertEqual([], self.seen)


class Follows(unittest.TestCase):
    def setUp(self):
        self.daemon = FakeDaemon().__enter__()
        self.addCleanup(lambda: self.daemon.__exit__())
        self.client = domed.Client(self.daemon.url, reply_timeout=1)
        self.addCleanup(self.client.close)
        self.log = self.daemon.jobs["j"] = Log("j")
        for text in "abcdef":
            self.log.add("log", log_payload(text))

    def over(self):
        self.log.add("state_change", {"to": "succeeded", "reason": "exit", "exit_code": 0})

    def test_gives_what_is_there_in_pages_of_any_size(self):
        self.over()
        for size in (1, 2, 3, 100):
            self.daemon.page_events = size
            with self.client.follow("j", verify=True) as follower:
                self.assertEqual(self.log.lines, [event.line for event in follower])
            self.assertEqual(("terminal", self.log.digest(), 8), (follower.end, follower.digest, follower.position.seq))

    def test_asyncio_does_the_same(self):
        self.over()

        async def follow():
            async with domed.AsyncClient(self.daemon.url) as client:
                return [event.line async for event in client.follow("j")]

        self.assertEqual(self.log.lines, asyncio.run(follow()))

    def test_takes_frames_where_they_come(self):
        found = []
        thread = threading.Thread(target=lambda: found.extend(self.client.follow("j")))
        thread.start()
        self.assertTrue(self.daemon.subscribers.wait(5))
        while len([m for m, _ in self.daemon.requests]) < 2:
            time.sleep(0.01)
        time.sleep(0.1)
        pages = len(self.daemon.requests)
        self.log.add("log", log_payload("live"))
        self.over()
        self.daemon.publish(pulse(), self.log.frame(8))
        thread.join(5)
        self.assertEqual(9, len(found))
        self.assertEqual(pages, len(self.daemon.requests))

    def test_resumes_where_another_one_stood(self):
        self.over()
        follower = self.client.follow("j")
        for event in follower:
            if event.seq == 3:
                kept = str(follower.position)
                break
        self.assertEqual([4, 5, 6, 7, 8], [event.seq for event in self.client.follow("j", resume=kept)])
        self.assertEqual([7, 8], [event.seq for event in self.client.follow("j", since=6)])
        with self.assertRaises(domed.LogChanged):
            list(self.client.follow("j", resume=domed.Position("f" * 32, 3)))
        with self.assertRaises(domed.InvalidRequest):
            self.client.follow("j", resume="nonsense")

    def test_a_loss_is_loud(self):
        for options, error in (({"since": 99}, domed.CursorAhead), ({"log_id": "other"}, domed.LogChanged)):
            with self.assertRaises(error):
                list(self.client.follow("j", **options))
        self.log.first = 4
        with self.assertRaises(domed.Compacted) as caught:
            list(self.client.follow("j"))
        self.assertEqual(4, caught.exception.number("first"))
        with self.assertRaises(domed.NotFound):
            list(self.client.follow("nobody"))
        self.daemon.trick = times(1, Refusal("E_GONE", state="failed", head=3))
        with self.assertRaises(domed.Gone):
            list(self.client.follow("j"))

    def test_a_digest_that_differs_is_loud(self):
        self.over()
        self.log.digest = lambda: "0" * 64
        with self.assertRaises(domed.DigestMismatch):
            list(self.client.follow("j", verify=True))

    def test_goes_on_over_cuts_silence_and_errors(self):
        self.over()
        self.daemon.page_events = 1
        count = [0]

        def trick(method, params):
            count[0] += 1
            if count[0] % 2:
                raise (Cut(), Refusal("E_BUSY", True, retry_ms=10), Raw(b"garbage"), Refusal("E_STORE", True))[count[0] // 2 % 4]

        self.daemon.trick = trick
        self.assertEqual(self.log.lines, [event.line for event in self.client.follow("j")])

    def test_goes_on_over_a_restart(self):
        found = []
        thread = threading.Thread(target=lambda: found.extend(self.client.follow("j")))
        thread.start()
        self.assertTrue(self.daemon.subscribers.wait(5))
        self.daemon.stop()
        self.log.add("log", log_payload("while it was away"))
        self.over()
        time.sleep(0.2)
        self.daemon.start()
        thread.join(15)
        self.assertEqual(self.log.lines, [event.line for event in found])

    def test_where_nobody_publishes_polls_do(self):
        with FakeDaemon(events=False) as daemon, domed.Client(daemon.url) as client:
            daemon.jobs["j"] = Log("j")
            threading.Timer(0.3, lambda: daemon.add("j", "state_change", {"to": "failed"})).start()
            self.assertEqual([1, 2], [event.seq for event in client.follow("j", frames=False)])
            threading.Timer(0.3, lambda: daemon.add("k", "state_change", {"to": "failed"})).start()
            daemon.jobs["k"] = Log("k")
            self.assertEqual([1, 2], [event.seq for event in client.follow("k")])

    def test_a_page_that_leaves_something_out_is_no_page(self):
        self.daemon.trick = lambda method, params: self.daemon.page_bytes(self.log, self.log.lines[1:], self.log.head)
        with self.assertRaises(domed.ProtocolError):
            list(self.client.follow("j"))

    def test_a_snapshot_ends_at_the_head(self):
        follower = self.client.follow("j", tail=False)
        self.assertEqual(7, len(list(follower)))
        self.assertEqual("snapshot", follower.end)

    def test_a_deadline_ends_it(self):
        follower = self.client.follow("j", timeout=0.3)
        with self.assertRaises(TimeoutError):
            list(follower)
        self.assertEqual(7, follower.cursor)

    def test_hundred_followers_share_one_subscription(self):
        async def follow():
            async with domed.AsyncClient(self.daemon.url) as client:
                async def one():
                    return [event.seq async for event in client.follow("j")]

                tasks = [asyncio.create_task(one()) for _ in range(100)]
                while len(self.daemon.requests) < 200:
                    await asyncio.sleep(0.01)
                self.over()
                self.daemon.publish(self.log.frame(8))
                return await asyncio.wait_for(asyncio.gather(*tasks), 20)

        self.assertEqual([list(range(1, 9))] * 100, asyncio.run(follow()))
        self.assertEqual(1, len(self.daemon._subs) or 1)

    def test_run_tells_how_it_ended(self):
        def trick(method, params):
            if method == "SubmitJob":
                self.over()
                return {"job_id": "j", "run_id": "r", "log_id": self.log.log_id, "state": "queued", "replayed": False}

        self.daemon.trick = trick
        outcome = self.client.run(["x"])
        self.assertEqual((b"a\nb\nc\nd\ne\nf\n", 0, "exit"), (outcome.stdout, outcome.exit_code, outcome.reason))
        self.assertIs(outcome, outcome.check())


class Producing(unittest.TestCase):
    def setUp(self):
        self.daemon = FakeDaemon().__enter__()
        self.addCleanup(lambda: self.daemon.__exit__())
        self.client = domed.Client(self.daemon.url, reply_timeout=1)
        self.addCleanup(self.client.close)
        self.log = self.daemon.jobs["j"] = Log("j")

    def produce(self, batches=30, **options):
        with self.client.producer("j", "secret", **options) as producer:
            for batch in range(batches):
                producer.append([domed.event("log", log_payload(f"{batch}"))])
        return producer

    def texts(self):
        return [json.loads(line)["payload"].get("text") for line in self.log.lines[1:]]

    def test_batches_come_once_and_in_order(self):
        producer = self.produce()
        self.assertEqual([str(i) for i in range(30)], self.texts())
        self.assertEqual((30, 31), (producer.last_ack.batch, producer.last_ack.head_seq))

    def test_lost_replies_cuts_and_busy_change_nothing(self):
        count = [0]

        def trick(method, params):
            count[0] += 1
            if count[0] % 3 == 0:
                if count[0] % 2:
                    self.daemon._append(self.log, params)  # it was done, and nobody hears of it
                raise (Cut(), Refusal("E_BUSY", True, retry_ms=5), Refusal("E_STORE", True))[count[0] // 3 % 3]

        self.daemon.trick = trick
        self.produce(window=8)
        self.assertEqual([str(i) for i in range(30)], self.texts())
        frozen = {}
        for _, params in self.daemon.requests:
            self.assertEqual(json.dumps(params), frozen.setdefault(params["batch"], json.dumps(params)))

    def test_the_window_bounds_what_is_on_its_way(self):
        self.daemon.trick = times(1000, Silence())
        producer = self.client.producer("j", "secret", window=4, reply_timeout=30)
        for batch in range(10):
            producer.append([domed.event("x-a", {})])
        time.sleep(0.2)
        self.assertEqual((4, 10), (len(self.daemon.requests), producer.pending))
        producer.close()

    def test_a_full_queue_makes_its_caller_wait(self):
        self.daemon.trick = times(1000, Silence())
        producer = self.client.producer("j", "secret", queue=2, reply_timeout=30)
        waiting = threading.Thread(target=lambda: [producer.append([domed.event("x-a", {"n": n})]) for n in range(3)])
        waiting.start()
        waiting.join(0.3)
        self.assertTrue(waiting.is_alive())
        self.daemon.trick = None
        self.daemon.cut()
        waiting.join(10)
        producer.flush(10)
        self.assertEqual(4, self.log.head)
        producer.close()

    def test_a_refusal_ends_it_behind_what_was_taken(self):
        producer = self.client.producer("j", "secret")
        producer.append([domed.event("state_change", {"to": "succeeded"})])
        producer.append([domed.event("x-a", {})])
        with self.assertRaises(domed.Sealed):
            producer.flush(10)
        self.assertEqual((1, "E_SEALED"), (producer.last_ack.batch, producer.aio.refusal.name))
        with self.assertRaises(domed.Sealed):
            producer.append([domed.event("x-a", {})])
        producer.close()

    def test_a_log_that_lost_acknowledged_batches_is_told(self):
        producer = self.client.producer("j", "secret")
        producer.append([domed.event("x-a", {})])
        producer.flush(10)
        self.log.batches.clear()
        self.log.next_batch.clear()
        producer.append([domed.event("x-a", {})])
        with self.assertRaises(domed.BatchGap):
            producer.flush(10)
        producer.close()

    def test_a_wrong_token_is_told(self):
        with self.assertRaises(domed.Unauthorized), self.client.producer("j", "wrong") as producer:
            producer.append([domed.event("x-a", {})])

    def test_it_can_give_up(self):
        self.daemon.stop()
        producer = self.client.producer("j", "secret", give_up=0.4)
        producer.append([domed.event("x-a", {})])
        with self.assertRaises(domed.Unreachable):
            producer.flush(10)
        producer.close()
        self.daemon.start()

    def test_events_that_come_together_share_a_batch(self):
        with self.client.producer("j", "secret") as producer:
            producer.log("one\ntwo\nthree")
            producer.progress(0.5, "half")
            producer.log(b"\xff", "stderr")
            producer.log("x" * 40_000 + "ß" * 10_000, eol=False)
        self.assertLessEqual(len(self.daemon.requests), 3)
        payloads = [json.loads(line)["payload"] for line in self.log.lines[1:]]
        self.assertEqual(["one", "two", "three"], [each["text"] for each in payloads[:3]])
        self.assertEqual({"stream": "stderr", "b64": "/w=="}, payloads[4])
        self.assertEqual("x" * 40_000 + "ß" * 10_000, "".join(each["text"] for each in payloads[5:]))
        self.assertTrue(all(each["eol"] is False for each in payloads[5:]))

    def test_each_event_may_say_when_it_happened(self):
        with self.client.producer("j", "secret", times=True) as producer:
            producer.append([domed.event("x-a", {})])
        self.assertGreater(self.daemon.requests[0][1]["events"][0]["t"], 1_600_000_000_000_000)

    def test_a_poll_hears_of_a_cancel(self):
        self.daemon.trick = lambda method, params: {"head_seq": 1, "state": "running", "cancel_requested": True}
        with self.client.producer("j", "secret", poll=0.05) as producer:
            deadline = time.monotonic() + 5
            while not producer.cancel_requested and time.monotonic() < deadline:
                time.sleep(0.01)
            self.assertTrue(producer.cancel_requested)


class Tools(unittest.TestCase):
    def setUp(self):
        self.daemon = FakeDaemon().__enter__()
        self.addCleanup(lambda: self.daemon.__exit__())
        self.client = domed.Client(self.daemon.url, reply_timeout=1)
        self.addCleanup(self.client.close)

    def events(self):
        (log,) = self.daemon.jobs.values()
        return [(line["type"], line["payload"]) for line in map(json.loads, log.lines)]

    def test_a_call_is_a_job(self):
        @domed.tool(client=self.client, echo=False, labels={"step": "train"})
        def train(rate, rounds=2, where=object):
            for each in range(rounds):
                print("round", each)
                domed.current_run().progress(each / rounds)
            print("rest", end="")
            return {"rate": rate}

        self.assertEqual({"rate": 0.5}, train(0.5))
        method, params = next(request for request in self.daemon.requests if request[0] == "SubmitJob")
        self.assertEqual({"rate": 0.5, "rounds": 2, "where": "<class 'object'>"}, params["task"])
        self.assertEqual("train", params["labels"]["step"])
        self.assertEqual("external", params["executor"])
        found = self.events()
        self.assertEqual(["round 0", "round 1", "rest"], [p["text"] for t, p in found if t == "log"])
        self.assertEqual(["state_change", "state_change"], [found[0][0], found[1][0]])
        self.assertEqual(("x-result", {"value": {"rate": 0.5}}), found[-2])
        self.assertEqual(("state_change", {"to": "succeeded"}), found[-1])

    def test_an_exception_is_an_event_and_goes_on(self):
        @domed.tool(client=self.client, echo=False)
        def bad():
            raise ValueError("no way")

        with self.assertRaises(ValueError):
            bad()
        error, end = self.events()[-2:]
        self.assertEqual(("error", "ValueError", "no way"), (error[0], error[1]["type"], error[1]["message"]))
        self.assertIn("raise ValueError", error[1]["traceback"])
        self.assertEqual({"to": "failed", "message": "ValueError: no way"}, end[1])

    def test_coroutines_print_into_their_own_jobs(self):
        @domed.tool(client=self.client, echo=False)
        async def work(name):
            for _ in range(3):
                print(name)
                await asyncio.sleep(0.01)
            return name

        async def both():
            return await asyncio.gather(work("a"), work("b"))

        self.assertEqual(["a", "b"], asyncio.run(both()))
        texts = [{json.loads(line)["payload"].get("text") for line in log.lines} - {None} for log in self.daemon.jobs.values()]
        self.assertCountEqual([{"a"}, {"b"}], texts)

    def test_a_cancel_ends_it_where_it_looks(self):
        @domed.tool(client=self.client, echo=False)
        def patient():
            domed.current_run()._producer.aio.cancel_requested = True
            domed.current_run().check()

        with self.assertRaises(domed.Canceled):
            patient()
        self.assertEqual("canceled", self.events()[-1][1]["to"])

    def test_a_refused_report_does_not_end_the_function(self):
        def trick(method, params):
            if method == "AppendJobEvents":
                raise Refusal("E_SEALED", state="canceled", head=1)

        self.daemon.trick = trick

        @domed.tool(client=self.client, echo=False)
        def works():
            for _ in range(100):
                print("x")
            return 7

        with self.assertLogs("domed", "ERROR"):
            self.assertEqual(7, works())

    def test_outside_of_a_call_there_is_no_run(self):
        with self.assertRaises(RuntimeError):
            domed.current_run()
