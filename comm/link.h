// Link: an emulated network between the processes of one machine. It stands in front of any transport of CPU memory and
// keeps back what arrives until a link of that bandwidth and latency would have brought it. No bit changes, and what
// the transport itself takes is hidden as long as it is faster than that link.
//
// The model: every process has one link to a switch that never blocks. A message leaves behind those that its process
// sent before, at the link's bandwidth, travels for the latency, and comes in beside nothing else, at the bandwidth
// too; a message that comes in alone costs its bytes once. Whoever sends goes on at once.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "comm/transport.h"
#include "core/rng.h"

namespace drift {

struct LinkOptions {
  double bytes_per_second = 0;  // in each direction
  double latency_seconds = 0;   // of each message
  double jitter_seconds = 0;    // on top, from nothing to this, drawn by process and message
};

// "10Gbit,50us", "100Mbit,1ms,200us": kbit, Mbit or Gbit a second (powers of 1000), then us, ms or s. Nothing for other
// text, and for what is not above zero, the times excepted.
std::optional<LinkOptions> parse_link(std::string_view text);

// One process's end of the model; times are seconds of a clock that all processes share.
class LinkModel {
 public:
  LinkModel(const LinkOptions& options, int process)
      : options_(options), jitter_(/*seed=*/0, static_cast<std::uint64_t>(process)) {}

  // When a message that is sent at `now` has travelled.
  double send(double now, std::int64_t bytes);
  // When one that has travelled then has come in as a whole: in the first time that no message of an earlier call
  // takes, since whoever waits may do so in another order than they came.
  double receive(double travelled, std::int64_t bytes);

 private:
  double seconds(std::int64_t bytes) const { return static_cast<double>(bytes) / options_.bytes_per_second; }

  LinkOptions options_;
  Rng jitter_;
  std::uint64_t sent_ = 0;
  double out_free_ = 0;
  struct Interval {
    double begin, end;
  };
  std::deque<Interval> coming_in_;  // the latest of them, in order
};

// The same transport behind such a link. All processes of it make this call, with the same options, on one machine.
// Throws kConfig for a transport whose waits only enqueue, and, when asked for it, for start_sum(): what a library's
// all-reduce sends is not seen. bytes_sent() is that of the messages.
std::shared_ptr<Transport> behind_link(std::shared_ptr<Transport> transport, const LinkOptions& options);

}  // namespace drift
