// The decisions of a follower, step by step, with a clock of the test's own.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { dice, domed, inside, Log, logPayload, pulse } from "./fake-daemon.mjs";

const { FollowState } = await inside("follow-state");
const { readFrame, readPage } = await inside("page");
const pageOf = (log, since, most) => readPage(Buffer.from(`{"id":1,"result":${log.page(since, most)}}`));

let now, log, seen, follower;
beforeEach(() => {
  now = 100_000;
  log = new Log("j");
  log.add("log", logPayload("one"));
  seen = [];
});

const state = (options = {}) => (follower = new FollowState({ jobId: "j", ...options }));
const step = () => follower.next(now);
const seqs = () => seen.map((event) => event.seq);
const frame = (...which) => seen.push(...follower.frameCame(readFrame(Buffer.from(log.frame(...which))), now));
const beat = (epoch) => follower.frameCame(readFrame(Buffer.from(pulse(epoch))), now);

function page(most) {
  assert.equal(step(), "page");
  const params = follower.pageParams();
  seen.push(...follower.pageCame(pageOf(log, params.since_seq, most), now));
  return params;
}

function begin(options) {
  state(options);
  page();
  assert.equal(step(), "subscribe");
  follower.subscribed(now);
  page();
  assert.equal(step(), "wait");
}

test("pages, subscribes, pages and takes frames", () => {
  begin();
  log.add("log", logPayload("two"));
  frame(3);
  assert.deepEqual(seqs(), [1, 2, 3]);
  log.add("state_change", { to: "succeeded" });
  frame(4);
  assert.equal(step(), "done");
  assert.equal(follower.terminal, true);
});

test("names its log after the first page", () => {
  state();
  assert.equal("log_id" in page(), false);
  follower.subscribed(now);
  assert.equal(page().log_id, log.logId);
});

test("a gap asks for a page", () => {
  begin();
  for (const text of "abc") log.add("log", logPayload(text));
  frame(4);
  page();
  assert.deepEqual(seqs(), [1, 2, 3, 4, 5]);
});

test("repeated, late and overlapping frames give what is new", () => {
  begin();
  log.add("log", logPayload("two"));
  frame(1);
  for (let again = 0; again < 3; again++) {
    frame(3);
    frame(1);
  }
  assert.deepEqual(seqs(), [1, 2, 3]);
});

test("a heartbeat that names more asks for a page", () => {
  begin();
  log.add("log", logPayload("two"));
  frame(4);
  assert.equal(step(), "page");
});

test("two silent seconds ask for a page, then four", () => {
  begin();
  for (const pause of [2000, 4000, 8000, 10_000, 10_000]) {
    now += pause - 100;
    beat();
    now += 90;
    assert.equal(step(), "wait");
    now += 20;
    page();
  }
});

test("a new epoch and a new connection ask for a page", () => {
  begin();
  beat("e1");
  assert.equal(step(), "wait");
  beat("e2");
  page();
  assert.equal(step(), "wait");
  follower.reconnected();
  assert.equal(step(), "page");
});

test("a silent daemon is polled", () => {
  begin();
  now += 3100;
  assert.equal(page().wait_ms, 3000);
});

test("without frames long polls follow", () => {
  state({ frames: false });
  assert.equal("wait_ms" in page(), false);
  log.add("state_change", { to: "failed" });
  assert.equal(page().wait_ms, 10_000);
  assert.equal(step(), "done");
});

test("an empty poll that was not held is not repeated at once", () => {
  state({ frames: false });
  page();
  page();
  assert.equal(step(), "wait");
  now += 210;
  page();
});

test("another log in a frame asks the daemon", () => {
  begin();
  log.logId = "f".repeat(32);
  frame(3);
  assert.equal(step(), "page");
  assert.notEqual(follower.pageParams().log_id, log.logId);
});

test("a page that leaves events out is an error, and more without anything", () => {
  state();
  assert.throws(() => follower.pageCame(pageOf(log, 1), now), domed.ProtocolError);
  state();
  assert.throws(() => follower.pageCame({ ...pageOf(log, 2), more: true }, now), domed.ProtocolError);
});

test("a failed page is asked for later", () => {
  state();
  step();
  for (const pause of [50, 100, 200, 400, 800, 1600, 2000, 2000]) {
    follower.pageFailed(now, undefined);
    assert.equal(follower.wakeAt(now), now + pause);
    now += pause + 1;
    assert.equal(step(), "page");
  }
  follower.pageFailed(now, 300);
  assert.equal(follower.wakeAt(now), now + 300);
});

test("behind the end it ends with nothing", () => {
  log.add("state_change", { to: "canceled" });
  state({ since: 3 });
  page();
  assert.deepEqual([seqs(), step(), follower.terminal], [[], "done", true]);
});

test("a snapshot ends at the head of its first page", () => {
  state({ tail: false });
  page(1);
  log.add("log", logPayload("late"));
  page();
  assert.deepEqual([seqs(), step(), follower.terminal], [[1, 2], "done", false]);
});

test("the digest is of what was given", () => {
  log.add("log", logPayload("x".repeat(20_000)));
  state({ digest: true });
  page();
  assert.equal(follower.chain.hex(), log.digest());
  state({ digest: true, since: 1 });
  page();
  assert.equal(follower.chain, undefined);
});

test("random frames give each event once and in order", () => {
  for (let seed = 0; seed < 200; seed++) {
    const roll = dice(seed);
    log = new Log("j");
    log.add("log", logPayload("one"));
    seen = [];
    begin({ digest: true });
    for (let events = roll(30); events > 0; events--) {
      log.add("log", logPayload("x".repeat(roll(5))));
      for (let frames = roll(3); frames > 0; frames--) {
        const first = 1 + roll(log.head + 1);
        const least = Math.max(first - 1, 1);
        frame(first, least + roll(log.head - least + 1), ["e1", "e1", "e2"][roll(3)]);
      }
      if (roll(3) === 0 && step() === "page") page(1 + roll(5));
    }
    log.add("state_change", { to: "succeeded" });
    while (step() !== "done") {
      if (step() === "page") page(1 + roll(5));
      now += 1000;
    }
    assert.deepEqual(seqs(), Array.from({ length: log.head }, (_, at) => at + 1), `seed ${seed}`);
    assert.equal(follower.chain.hex(), log.digest(), `seed ${seed}`);
  }
});
