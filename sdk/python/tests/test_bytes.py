"""SP, pages, frames and events: what comes as bytes."""

import json
import random
import unittest

from fake_daemon import FakeDaemon, Log, line_of, log_payload, pulse

import domed
from domed import sp
from domed.event import Event
from domed.page import read_frame, read_page, result_of


def stream_of(messages, ipc):
    return b"".join(sp.header(ipc, len(each)) + each for each in messages)


class Splitting(unittest.TestCase):
    def test_takes_pieces_of_any_size(self):
        dice = random.Random(1)
        for ipc in (True, False):
            messages = [bytes(dice.randrange(256) for _ in range(dice.randrange(300))) for _ in range(40)]
            stream = stream_of(messages, ipc)
            for most in (1, 2, 7, 100, 100_000):
                splitter, found, at = sp.Splitter(ipc), [], 0
                while at < len(stream):
                    size = dice.randint(1, most)
                    found += splitter.feed(stream[at : at + size])
                    at += size
                self.assertEqual(messages, found)

    def test_garbage_is_no_message(self):
        for garbage in (b"H", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\2" + bytes(20)):
            with self.assertRaises(sp.NotSP):
                sp.Splitter(True).feed(garbage)

    def test_a_length_that_cannot_be_is_refused_before_its_bytes(self):
        for ipc in (True, False):
            with self.assertRaises(sp.NotSP):
                sp.Splitter(ipc).feed(sp.header(ipc, sp.MOST_MESSAGE_BYTES + 1))
            with self.assertRaises(sp.NotSP):
                sp.Splitter(ipc).feed((b"\1" if ipc else b"") + b"\xff" * 8)

    def test_hello_tells_the_role(self):
        self.assertEqual(b"\0SP\0\0\x30\0\0", sp.hello(sp.REQ))
        self.assertEqual(sp.PUB, sp.peer_of(sp.SUB))


class Pages(unittest.TestCase):
    def page(self, payloads, job="j"):
        log = Log(job)
        for payload in payloads:
            log.add("x-any", payload)
        reply = b'{"jsonrpc":"2.0","id":7,"result":' + FakeDaemon.page_bytes(_Urls(), log, log.lines, log.head) + b"}"
        return log, read_page(reply)

    def test_lines_are_the_bytes_that_came(self):
        log, page = self.page([{"a": 1.50}, {"b": 'q"},{"'}, {"c": "\\"}, {}])
        self.assertEqual(log.lines, page.lines)
        self.assertEqual(1, page.first_line)
        self.assertEqual(["ipc:///e"], page.events_urls)

    def test_events_within_a_payload_are_no_events(self):
        inner = [json.loads(line_of("j", seq, "x-any", {"deep": [1, {"x": "}]"}]})) for seq in range(1, 9)]
        for payloads in ([{"e": inner}, {}, {}], [{}, {"e": inner[2:]}], [{"e": inner[3:]}, {}], [{}, {}, {"e": inner[4:]}]):
            log, page = self.page(payloads)
            self.assertEqual(log.lines, page.lines)

    def test_random_payloads(self):
        dice = random.Random(2)
        texts = ['"', "\\", "}", "{", "],", '"more":', '"events":[', '{"job_id":"j","seq":', "\u2028", "ß", "\x00"]

        def value(depth):
            kind = dice.randrange(5 if depth else 3)
            if kind == 3:
                return [value(depth - 1) for _ in range(dice.randrange(4))]
            if kind == 4:
                return {"".join(dice.choices(texts, k=2)): value(depth - 1) for _ in range(dice.randrange(4))}
            return "".join(dice.choices(texts, k=dice.randrange(6)))

        for _ in range(300):
            log, page = self.page([{"v": value(3)} for _ in range(dice.randrange(6))])
            self.assertEqual(log.lines, page.lines)

    def test_what_is_no_page_is_an_error(self):
        good = b'{"id":1,"result":{"log_id":"l","first_seq":1,"head_seq":2,"state":"running","events":[%s],"more":false,"final":false}}'
        self.assertEqual([], read_page(good % b"").lines)
        one, three = line_of("j", 1, "x-a", {}), line_of("j", 3, "x-a", {})
        for events in (b"1", b"{}", b"[]", one + b"," + three, one + b"x", one[:-1], one + b",", b'{"job_id":"j","seq":"1"}'):
            with self.assertRaises(domed.ProtocolError, msg=events):
                read_page(good % events)
        for reply in (b"", b"HTTP", b"[]", b"{}", b'{"result":[]}', b'{"result":{"log_id":1}}', b'{"error":7}', b"\xff\xfe"):
            with self.assertRaises(domed.ProtocolError, msg=reply):
                read_page(reply)

    def test_an_error_is_its_own_class(self):
        reply = {"error": {"message": "m", "data": {"error": "E_CURSOR_AHEAD", "retryable": False, "head": 5}}}
        with self.assertRaises(domed.CursorAhead) as caught:
            result_of(json.dumps(reply).encode())
        self.assertEqual((5, False, "E_CURSOR_AHEAD"), (caught.exception.number("head"), caught.exception.retryable, caught.exception.name))
        reply["error"]["data"]["error"] = "E_NEW"
        with self.assertRaises(domed.DomedError) as caught:
            result_of(json.dumps(reply).encode())
        self.assertEqual("E_NEW", caught.exception.name)


class _Urls:
    events_url = "ipc:///e"


class Frames(unittest.TestCase):
    def test_has_its_lines(self):
        log = Log("j")
        log.add("log", log_payload("a\nb"))
        frame = read_frame(log.frame(1))
        self.assertEqual((log.lines, 1, 2, "queued", "e1", False), (frame.lines, frame.first_line, frame.head, frame.state, frame.epoch, frame.daemon))

    def test_a_heartbeat_has_none(self):
        frame = read_frame(Log("j").frame(2))
        self.assertEqual(([], 1), (frame.lines, frame.head))

    def test_the_pulse_has_an_epoch(self):
        self.assertTrue(read_frame(pulse("x")).daemon)

    def test_what_is_none_is_none(self):
        good = Log("j").frame(1)
        for bad in (b"", b"\n", b"\n\n\n", b"job/j\n", b"job/j\n{}\n", b"job/j\nx\n", good[:-1], b"daemon\n{}\n", b"\xff" * 50 + b"\n\n\n"):
            self.assertIsNone(read_frame(bad), bad)

    def test_a_line_of_another_number_ends_it(self):
        log = Log("j")
        log.add("x-a", {})
        log.lines.append(log.lines[0])
        self.assertEqual(log.lines[:2], read_frame(log.frame(1)).lines)


class Events(unittest.TestCase):
    def event(self, type, payload, job="j"):
        return Event("l", 3, line_of(job, 3, type, payload))

    def test_reads_what_is_asked_for(self):
        event = self.event("log", {"stream": "stderr", "text": 'a "b" ß'})
        self.assertEqual(("j", "log", "stderr", 'a "b" ß'), (event.job_id, event.type, event.stream, event.text))
        self.assertEqual('a "b" ß\n'.encode(), event.output)
        self.assertEqual("2026-01-31T12:00:00.000003+00:00", event.time.isoformat())
        self.assertIs(event.payload, event.payload)

    def test_its_own_time_comes_first(self):
        line = b'{"job_id":"j","seq":3,"ts":"2026-01-31T12:00:07.000001Z","t":1769860800000000,"type":"x-a","payload":{}}'
        event = Event("l", 3, line)
        self.assertEqual((1769860800000000, "2026-01-31T12:00:00+00:00"), (event.t, event.time.isoformat()))

    def test_output_is_bytes(self):
        self.assertEqual(b"\xff\n", self.event("log", {"stream": "stdout", "b64": "/w=="}).output)
        self.assertEqual(b"a", self.event("log", {"stream": "stdout", "text": "a", "eol": False}).output)
        self.assertEqual(b"", self.event("x-a", {"text": "a"}).output)

    def test_only_a_change_to_an_end_is_terminal(self):
        self.assertTrue(self.event("state_change", {"to": "failed"}).is_terminal)
        self.assertFalse(self.event("state_change", {"to": "running"}).is_terminal)
        self.assertFalse(self.event("x-a", {"type": "state_change", "to": "failed"}).is_terminal)

    def test_what_is_no_line_says_so(self):
        for line in (b"", b"{}", b'{"job_id":"j"}'):
            with self.assertRaises(domed.ProtocolError):
                Event("l", 1, line).type
