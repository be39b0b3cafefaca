#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace domed {

// One message of an events socket: what a commit added to a job, told to whoever listens.
//
//   job/JOB_ID LF                                                          the topic
//   {"log_id":..,"first":F,"head":H,"state":..,"epoch":..} LF              the header
//   event line LF  ...                                                     F to H, verbatim
//
// or, each second on every socket, the daemon's own sign of life:
//
//   daemon LF {"epoch":..,"time":..} LF
//
// The topic comes first because SUB compares nothing but the first bytes of a message; the LF
// behind the id keeps a subscription to job-1 from matching job-10.  The header says what the
// lines do not: to which log they belong (Identity), and where the job stands.  It is a line of
// JSON, as events are, so that a client in any language needs one split and one parser, and may
// ignore members that it does not know.  The lines are the bytes that were committed, never
// encoded again, so that a follower's digest is of them (Digest).
//
// A frame without lines is a heartbeat: F is H + 1.  It tells the head to who lost a frame
// (NeverHangs); it comes after the terminal event too.  One frame has at most
// limits::kFrameBytes of lines, or one longer line; a larger commit has several, each with the
// H of its own last line, and the state that the commit ends with.
//
// Frames may be lost, repeated and reordered, and nothing is answered: pages are the truth, and
// a frame only saves the wait for one.  Who reads takes a line when its seq is the cursor's
// next, and asks for a page where H shows that something is missing.
//
// Rejected: a message for each event (what bounds nng's PUB is the number of messages, not of
// bytes); a length before each line (a line has no LF inside, so its end is found again); a
// binary header (nngcat could not show it); a number of the frame itself (the lines' own seqs
// and the head do that, over restarts too); an acknowledgement by the follower (the daemon would
// keep state for each, and the slowest would hold up the others: SlowReader).
struct Frame {
  bool daemon = false;  // the daemon's own sign of life, without a job
  std::string epoch, log_id, state;
  std::uint64_t first = 0, head = 0;
  std::vector<std::string_view> lines;  // into the message
};

// False where "message" is not a frame for the job with topic "job/ID\n", nor the
// daemon's.
bool read_frame(std::string_view message, std::string_view topic, Frame& frame);

}  // namespace domed
