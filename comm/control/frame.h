// What goes over the control channel: a kind and a few short texts. Whoever connects may be anybody, so nothing in a
// frame is trusted: its length is bounded before memory is taken for it, and what does not parse ends the connection.
//
//   length of the rest, 4 bytes | kind, 1 byte | for each field: length, 4 bytes | bytes
//
// Numbers are little-endian. A number as a field is decimal text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drift {

enum class FrameKind : std::uint8_t {
  kHello = 1,  // protocol, token, process, processes: the first frame of whoever connects
  kWelcome,    // all have come
  kRefused,    // why
  kGather,     // what is gathered, and the sender's value
  kGathered,   // the values of all, by process
  kStop,       // the sender was asked to stop
  kHold,       // let no worker enter a further step
  kHeld,       // the step behind the furthest that was entered
  kLeaveAt,    // the step before which all leave
  kFailed,     // kind of error, process, message
  kTell,       // for process 0's listener
  kAlive,      // nothing to say
  kBye,        // the sender has done its work and goes
};

struct Frame {
  FrameKind kind = FrameKind::kAlive;
  std::vector<std::string> fields = {};

  bool operator==(const Frame&) const = default;
};

constexpr std::size_t kMostFrameBytes = 1 << 20;

// Throws kInternal for what is too long.
std::string encode(const Frame& frame);

// Puts frames together from bytes as they come.
class FrameReader {
 public:
  void add(std::string_view bytes) { bytes_ += bytes; }
  // The next whole frame. Throws kComm for bytes that are none.
  std::optional<Frame> next();

 private:
  std::string bytes_;
};

}  // namespace drift
