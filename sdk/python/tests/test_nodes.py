"""Several URLs: nodes on one store, of which any does what another one does not any more."""

import json
import threading
import unittest

from fake_daemon import Cut, FakeDaemon, Log, Refusal, Silence, log_payload, pulse

import domed
from domed.endpoint import reachable_url

STOPPING = Refusal("E_BUSY", True, retry_ms=1, stopping=True)
AWAY = Refusal("E_STORE", True)
STARTING = Refusal("E_STARTING", True, retry_ms=1)


def always(error):
    def trick(method, params):
        raise error

    return trick


class Nodes(unittest.TestCase):
    """Two, "a" first, with the same jobs."""

    REPLY_TIMEOUT = 0.3

    def setUp(self):
        self.a, self.b = self.started(), self.started()
        self.b.jobs = self.a.jobs
        self.client = domed.Client(f"{self.a.url},{self.b.url}", reply_timeout=self.REPLY_TIMEOUT, timeout=20)
        self.addCleanup(self.client.close)

    def started(self):
        daemon = FakeDaemon().__enter__()
        self.addCleanup(daemon.__exit__)
        return daemon

    async def nothing(self):
        pass

    def asked(self, daemon, method):
        return sum(1 for name, _ in daemon.requests if name == method)


class Calls(Nodes):
    REPLY_TIMEOUT = 10

    def test_leave_who_cannot_do_what_it_is_asked(self):
        for each in (STOPPING, AWAY, STARTING):
            with self.subTest(each.data), domed.Client(f"{self.a.url},{self.b.url}", timeout=20) as client:
                before = len(self.b.requests)
                client.health()
                self.assertEqual(before, len(self.b.requests))
                self.a.trick = always(each)
                client.health()
                client.health()
                self.a.trick = None
                self.assertEqual((before + 2, self.b.url), (len(self.b.requests), client.endpoint))
        self.assertEqual(6, len(self.a.requests))

    def test_wait_for_who_is_only_busy_and_raise_what_is_damaged(self):
        errors = [Refusal("E_BUSY", True, retry_ms=1), Refusal("E_BUSY", True, retry_ms=1, stopping=False)]

        def trick(method, params):
            if errors:
                raise errors.pop()

        self.a.trick = trick
        self.client.health()
        self.a.trick = always(Refusal("E_STORE", False))
        with self.assertRaises(domed.StoreFailed):
            self.client.health()
        self.assertEqual((4, 0), (len(self.a.requests), len(self.b.requests)))

    def test_that_a_connection_was_lost_is_told_of_whose_it_was(self):
        self.a.trick = lambda method, params: always({"ListTools": AWAY}.get(method, Silence()))(method, params)
        slow = threading.Thread(target=self.lost_with_it)
        slow.start()
        while not self.a.requests:
            self.a._do(self.nothing())
        with self.assertRaises(domed.StoreFailed):
            self.client.call("ListTools", repeat=False)
        slow.join(10)
        self.assertIn(f"lost the connection to {self.a.url}: ", str(self.said))

    def lost_with_it(self):
        try:
            self.client.call("Health", repeat=False)
        except domed.Unreachable as error:
            self.said = error

    def test_go_round_until_one_can(self):
        self.b.trick = always(STOPPING)

        def trick(method, params):
            if len(self.a.requests) < 3:
                raise AWAY

        self.a.trick = trick
        self.client.health()
        self.assertEqual((3, 2), (len(self.a.requests), len(self.b.requests)))

    def test_with_one_url_wait_there(self):
        def trick(method, params):
            if len(self.a.requests) < 3:
                raise AWAY

        self.a.trick = trick
        with domed.Client(self.a.url) as client:
            client.health()
        self.assertEqual((3, 1), (len(self.a.requests), self.a.connections))


class Follows(Nodes):
    def setUp(self):
        super().setUp()
        self.log = self.a.jobs["j"] = Log("j")
        for text in "abcdefgh":
            self.log.add("log", log_payload(text))

    def over(self):
        self.log.add("state_change", {"to": "succeeded", "reason": "exit", "exit_code": 0})

    def test_go_on_behind_the_last_event(self):
        self.over()
        for fault in (STOPPING, AWAY, STARTING, Cut(), Silence()):
            # One that cuts greets again, so that it is asked again; a daemon that is gone does not.
            for node in (self.a, self.b):
                node.page_events = 2
            self.a.requests.clear(), self.b.requests.clear()

            def trick(method, params, fault=fault):
                if len(self.a.requests) > 2:
                    if isinstance(fault, Cut):
                        self.a.loop.create_task(self.gone())
                    raise fault

            self.a.trick = trick
            with self.subTest(repr(fault)), domed.Client(f"{self.a.url},{self.b.url}", reply_timeout=0.3) as client:
                with client.follow("j", verify=True, timeout=20) as follower:
                    self.assertEqual(self.log.lines, [event.line for event in follower])
                self.assertEqual(("terminal", self.log.digest()), (follower.end, follower.digest))
                self.assertGreater(self.asked(self.b, "StreamJobEvents"), 1)
            if isinstance(fault, Cut):
                self.a.start()

    async def gone(self):
        for server in self.a._servers:
            server.close()
        self.a._servers.clear()
        self.a._cut()

    def test_take_frames_of_whoever_answers(self):
        found = []
        thread = threading.Thread(target=lambda: found.extend(self.client.follow("j", timeout=20)))
        thread.start()
        self.assertTrue(self.a.subscribers.wait(5))
        self.a.trick = always(AWAY)
        self.assertTrue(self.b.subscribers.wait(10))  # once nothing came for so long that it looked
        while self.asked(self.b, "StreamJobEvents") < 2:
            self.b._do(self.nothing())
        self.log.add("log", log_payload("live"))
        self.over()
        self.b.publish(pulse("e2"), self.log.frame(10, epoch="e2"))
        thread.join(10)
        self.assertEqual(self.log.lines, [event.line for event in found])

    def test_a_run_ends_at_another_node(self):
        def trick(method, params):
            if method == "SubmitJob":
                self.over()
                return {"job_id": "j", "run_id": "r", "log_id": self.log.log_id, "state": "queued", "replayed": False}
            if method == "StreamJobEvents":
                raise AWAY

        self.a.trick = trick
        job = self.client.submit(["x"])
        outcome = self.client.follow(job.job_id, log_id=job.log_id, timeout=20).outcome()
        self.assertEqual(("succeeded", b"a\nb\nc\nd\ne\nf\ng\nh\n"), (outcome.state, outcome.stdout))
        self.assertEqual((1, 0), (self.asked(self.a, "SubmitJob"), self.asked(self.b, "SubmitJob")))

    def test_an_events_url_is_that_of_who_gave_the_page(self):
        self.assertEqual("tcp://there:2", reachable_url("tcp://0.0.0.0:2", "tcp://there:1"))
        self.assertEqual("tls+tcp://[fe80::1]:2", reachable_url("tls+tcp://[::]:2", "tls+tcp://[fe80::1]:1"))
        for url in ("tcp://other:2", "ipc:///0.0.0.0:2"):
            self.assertEqual(url, reachable_url(url, "tcp://there:1"))
        self.assertEqual("tcp://0.0.0.0:2", reachable_url("tcp://0.0.0.0:2", "ipc:///there"))


class Producing(Nodes):
    def test_goes_on_elsewhere_and_each_batch_is_taken_once(self):
        for fault in (STOPPING, AWAY, Cut(), Silence()):
            log = self.a.jobs["j"] = Log("j")
            begin = len(self.a.requests)

            def trick(method, params, fault=fault, begin=begin):
                if len(self.a.requests) - begin > 5:
                    if not isinstance(fault, Refusal):  # it was done, and nobody hears of it
                        self.a._append(self.a.jobs["j"], params)
                    raise fault if not isinstance(fault, Cut) or len(self.a.requests) - begin < 8 else AWAY

            self.a.trick = trick
            with self.subTest(repr(fault)), domed.Client(f"{self.a.url},{self.b.url}") as client:
                with client.producer("j", "secret", window=8, reply_timeout=0.3) as producer:
                    for batch in range(40):
                        producer.append([domed.event("log", log_payload(f"{batch}"))])
                    producer.flush(20)
                texts = [json.loads(line)["payload"].get("text") for line in log.lines[1:]]
                self.assertEqual([str(batch) for batch in range(40)], texts)
                self.assertGreater(self.asked(self.b, "AppendJobEvents"), 0)


class Submitting(Nodes):
    """To "a", which does it without an answer."""

    def setUp(self):
        super().setUp()
        self.b.jobs = {}
        self.a.identity = self.b.identity = "cert:ann"
        self.answers(Silence())

    def answers(self, error, times=1000):
        left = [times]

        def trick(method, params):
            if method in ("SubmitJob", "RetryJob") and left[0] > 0:
                left[0] -= 1
                raise error

        self.a.trick = trick

    def submit(self, timeout=20, method="SubmitJob"):
        return self.client.call(method, {"idempotency_key": "k"}, timeout=timeout)["job_id"]

    def at(self):
        return self.asked(self.a, "SubmitJob"), self.asked(self.b, "SubmitJob")

    def test_goes_to_who_knows_us_as_the_same(self):
        self.assertEqual("job-k", self.submit())
        self.assertEqual((1, 1), self.at())

    def test_goes_to_nobody_who_knows_us_as_another(self):
        for method in ("SubmitJob", "RetryJob"):
            for other in ("uid:1000@b", ""):
                self.b.identity = other
                with domed.Client(f"{self.a.url},{self.b.url}", reply_timeout=0.3) as self.client:
                    with self.assertRaises(domed.Unreachable) as caught:
                        self.submit(1, method)
                message = caught.exception.message
                named = other or "somebody it does not name"
                self.assertIn(f"it is not known whether the job was made: no answer from {self.a.url} ", message)
                self.assertIn(
                    f"; and {self.b.url} knows this client as {named}, not as cert:ann, so that sent there it might be "
                    f"made a second time.  Send it again with the same idempotency key, k, when {self.a.url} is back: "
                    "that finds the job, or makes it", message,
                )  # fmt: skip
                self.assertEqual({"idempotency_key": "k"}, caught.exception.fields)
        self.assertEqual(0, self.at()[1] + self.asked(self.b, "RetryJob"))

    def test_the_key_is_told_that_nobody_chose(self):
        self.b.identity = "uid:1000@b"
        self.client.aio.timeout = 1
        with self.assertRaises(domed.Unreachable) as caught:
            self.client.submit(["true"])
        self.assertIn(caught.exception.fields["idempotency_key"], [p.get("idempotency_key") for _, p in self.a.requests])

    def test_comes_back_to_where_it_was(self):
        self.b.identity = "uid:1000@b"
        self.answers(Silence(), times=1)
        self.submit()
        self.assertEqual((2, 0), self.at())

    def test_needs_no_identity_where_nothing_was_sent(self):
        self.b.identity = "uid:1000@b"
        self.a.stop()
        self.submit()
        self.assertEqual((0, 1), self.at())

    def test_needs_no_identity_where_it_was_refused(self):
        self.b.identity = "uid:1000@b"
        self.answers(STOPPING)
        self.submit()
        self.assertEqual((1, 1), self.at())

    def test_is_in_doubt_where_the_store_does_not_know(self):
        self.b.identity = "uid:1000@b"
        self.answers(AWAY)
        with self.assertRaisesRegex(domed.Unreachable, "not known whether the job was made: refused; and"):
            self.submit(1)
        self.assertEqual(0, self.at()[1])

    def test_a_refusal_of_another_node_is_no_word_on_the_first(self):
        for refused, by, submits in (("SubmitJob", self.b.url, 1), ("WhoAmI", "another node", 0)):

            def trick(method, params, refused=refused):
                if method == refused:
                    raise Refusal("E_FORBIDDEN")

            self.a.requests.clear(), self.b.requests.clear()
            self.b.trick = trick
            expected = f"not known whether .*; and {by} refuses it .E_FORBIDDEN"
            with domed.Client(f"{self.a.url},{self.b.url}", reply_timeout=0.3) as self.client:
                with self.subTest(refused), self.assertRaisesRegex(domed.Unreachable, expected):
                    self.submit()
            self.assertEqual((1, submits), self.at())

    def test_one_that_is_too_old_to_tell_is_asked_alone(self):
        self.a.identity = self.b.identity = ""
        self.answers(Cut(), times=2)
        self.submit()
        self.assertEqual((3, 0), self.at())


if __name__ == "__main__":
    unittest.main()
