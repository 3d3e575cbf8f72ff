// Moments: when things happen in a recording (op_recorder.h), as marks that are numbered. What they say is known when
// the recording comes home: on a CPU at once; where work is only enqueued when the device has come to all of them.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "core/clock.h"

namespace drift {

class Moments {
 public:
  using Mark = std::size_t;

  virtual ~Moments() = default;

  // This moment, in the order of the stream.
  virtual Mark mark() = 0;
  // The recording is over: what its marks say comes home, and the next one counts from 0 again.
  virtual void send_home() = 0;
  // Of those sent, how many can be taken now without anyone waiting long.
  virtual std::int64_t due() const = 0;
  // Of the oldest one: nanoseconds since some moment in the past, by mark. Waits for it.
  virtual std::vector<std::int64_t> take() = 0;

  // Marks made in between are made again with each replay of what is captured meanwhile: they keep their numbers.
  virtual void capture_begins() {}
  virtual void capture_ends() {}
  // Whether they are by the clock of a device that only enqueues: what the host sees happens at other times.
  virtual bool on_device() const { return false; }
  // How much later what comes behind a mark happens because of it.
  virtual std::int64_t nanoseconds_per_mark() const { return 0; }
};

// By a clock of the host, for work that is done when it was enqueued.
class HostMoments final : public Moments {
 public:
  // `clock` must outlive it.
  explicit HostMoments(const Clock& clock = steady_clock()) : clock_(clock) {}

  Mark mark() override {
    times_.push_back(std::llround(1e9 * clock_.seconds()));
    return times_.size() - 1;
  }
  void send_home() override { home_.push_back(std::exchange(times_, {})); }
  std::int64_t due() const override { return std::ssize(home_); }
  std::vector<std::int64_t> take() override {
    std::vector<std::int64_t> times = std::move(home_.front());
    home_.pop_front();
    return times;
  }

 private:
  const Clock& clock_;
  std::vector<std::int64_t> times_;
  std::deque<std::vector<std::int64_t>> home_;
};

}  // namespace drift
