"""The decisions of a follower, step by step, with a clock of the test's own."""

import random
import unittest

from fake_daemon import FakeDaemon, Log, log_payload, pulse

import domed
from domed.follow_state import FollowState, Step
from domed.page import read_frame, read_page


class _Urls:
    events_url = "ipc:///e"


def page(log, since, most=1000):
    lines = log.lines[since : since + most]
    return read_page(b'{"id":1,"result":' + FakeDaemon.page_bytes(_Urls(), log, lines, since + len(lines)) + b"}")


class Following(unittest.TestCase):
    def setUp(self):
        self.now = 100.0
        self.log = Log("j")
        self.log.add("log", log_payload("one"))
        self.seen = []

    def state(self, **options):
        self.follower = FollowState("j", **options)
        return self.follower

    def step(self):
        return self.follower.next(self.now)

    def page(self, **options):
        self.assertIs(Step.PAGE, self.step())
        params = self.follower.page_params()
        self.seen += self.follower.page_came(page(self.log, params["since_seq"], **options), self.now)
        return params

    def frame(self, first, last=None, epoch="e1"):
        self.seen += self.follower.frame_came(read_frame(self.log.frame(first, last, epoch)), self.now)

    def seqs(self):
        return [event.seq for event in self.seen]

    def begin(self, **options):
        self.state(**options)
        self.page()
        self.assertIs(Step.SUBSCRIBE, self.step())
        self.follower.subscribed(self.now)
        self.page()
        self.assertIs(Step.WAIT, self.step())

    def test_pages_subscribes_pages_and_takes_frames(self):
        self.begin()
        self.log.add("log", log_payload("two"))
        self.frame(3)
        self.assertEqual([1, 2, 3], self.seqs())
        self.log.add("state_change", {"to": "succeeded"})
        self.frame(4)
        self.assertIs(Step.DONE, self.step())
        self.assertTrue(self.follower.terminal)

    def test_names_its_log_after_the_first_page(self):
        self.state()
        self.assertNotIn("log_id", self.page())
        self.follower.subscribed(self.now)
        self.assertEqual(self.log.log_id, self.page()["log_id"])

    def test_a_gap_asks_for_a_page(self):
        self.begin()
        for text in "abc":
            self.log.add("log", log_payload(text))
        self.frame(4)
        self.page()
        self.assertEqual([1, 2, 3, 4, 5], self.seqs())

    def test_repeated_and_late_frames_give_nothing(self):
        self.begin()
        self.log.add("log", log_payload("two"))
        for _ in range(3):
            self.frame(3)
            self.frame(1)
        self.assertEqual([1, 2, 3], self.seqs())

    def test_a_frame_that_overlaps_gives_its_rest(self):
        self.begin()
        self.log.add("log", log_payload("two"))
        self.frame(1)
        self.assertEqual([1, 2, 3], self.seqs())

    def test_a_heartbeat_that_names_more_asks_for_a_page(self):
        self.begin()
        self.log.add("log", log_payload("two"))
        self.frame(4)
        self.assertIs(Step.PAGE, self.step())

    def test_two_silent_seconds_ask_for_a_page_then_four(self):
        self.begin()
        for pause in (2, 4, 8, 10, 10):
            self.follower.frame_came(read_frame(pulse()), self.now + pause - 0.1)
            self.now += pause - 0.01
            self.assertIs(Step.WAIT, self.step())
            self.now += 0.02
            self.page()

    def test_a_new_epoch_asks_for_a_page(self):
        self.begin()
        self.follower.frame_came(read_frame(pulse("e1")), self.now)
        self.assertIs(Step.WAIT, self.step())
        self.follower.frame_came(read_frame(pulse("e2")), self.now)
        self.assertIs(Step.PAGE, self.step())

    def test_a_new_connection_asks_for_a_page(self):
        self.begin()
        self.follower.reconnected()
        self.assertIs(Step.PAGE, self.step())

    def test_a_silent_daemon_is_polled(self):
        self.begin()
        self.now += 3.1
        self.assertEqual(3000, self.page()["wait_ms"])

    def test_without_frames_long_polls_follow(self):
        self.state(frames=False)
        self.assertNotIn("wait_ms", self.page())
        self.log.add("state_change", {"to": "failed"})
        self.assertEqual(10_000, self.page()["wait_ms"])
        self.assertIs(Step.DONE, self.step())

    def test_an_empty_poll_that_was_not_held_is_not_repeated_at_once(self):
        self.state(frames=False)
        self.page()
        self.page()
        self.assertIs(Step.WAIT, self.step())
        self.now += 0.21
        self.page()

    def test_another_log_in_a_frame_asks_the_daemon(self):
        self.begin()
        self.log.log_id = "f" * 32
        self.frame(3)
        self.assertIs(Step.PAGE, self.step())
        self.assertNotEqual(self.log.log_id, self.follower.page_params()["log_id"])

    def test_a_page_that_leaves_events_out_is_an_error(self):
        self.state()
        with self.assertRaises(domed.ProtocolError):
            self.follower.page_came(page(self.log, 1), self.now)

    def test_more_without_anything_is_an_error(self):
        self.state()
        empty = page(self.log, 0)
        empty.lines, empty.more = [], True
        with self.assertRaises(domed.ProtocolError):
            self.follower.page_came(empty, self.now)

    def test_a_failed_page_is_asked_for_later(self):
        self.state()
        self.step()
        for pause in (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0):
            self.follower.page_failed(self.now, None)
            self.assertAlmostEqual(self.now + pause, self.follower.wake_at(self.now))
            self.now += pause + 0.001
            self.assertIs(Step.PAGE, self.step())
        self.follower.page_failed(self.now, 0.3)
        self.assertAlmostEqual(self.now + 0.3, self.follower.wake_at(self.now))

    def test_behind_the_end_it_ends_with_nothing(self):
        self.log.add("state_change", {"to": "canceled"})
        self.state(since=3)
        self.page()
        self.assertEqual(([], Step.DONE), (self.seen, self.step()))
        self.assertTrue(self.follower.terminal)

    def test_a_snapshot_ends_at_the_head_of_its_first_page(self):
        self.state(tail=False)
        self.page(most=1)
        self.log.add("log", log_payload("late"))
        self.page()
        self.assertEqual(([1, 2], Step.DONE), (self.seqs(), self.step()))
        self.assertFalse(self.follower.terminal)

    def test_the_digest_is_of_what_was_given(self):
        self.state(digest=True)
        self.page()
        self.assertEqual(self.log.digest(), self.follower.chain.hex())

    def test_whoever_begins_in_the_midst_has_no_digest(self):
        self.state(since=1, digest=True)
        self.page()
        self.assertIsNone(self.follower.chain)

    def test_random_frames_give_each_event_once_and_in_order(self):
        for seed in range(200):
            dice = random.Random(seed)
            self.setUp()
            self.begin(digest=True)
            for _ in range(dice.randrange(30)):
                self.log.add("log", log_payload("x" * dice.randrange(5)))
                for _ in range(dice.randrange(3)):
                    first = dice.randint(1, self.log.head + 1)
                    self.frame(first, dice.randint(max(first - 1, 1), self.log.head), dice.choice(["e1", "e1", "e2"]))
                if dice.randrange(3) == 0 and self.step() is Step.PAGE:
                    self.page(most=dice.randint(1, 5))
            self.log.add("state_change", {"to": "succeeded"})
            while self.step() is not Step.DONE:
                if self.step() is Step.PAGE:
                    self.page(most=dice.randint(1, 5))
                self.now += 1
            self.assertEqual(list(range(1, self.log.head + 1)), self.seqs(), seed)
            self.assertEqual(self.log.digest(), self.follower.chain.hex())
