// StepTimes: where the time of a step went, in seconds: what the device did and what the host did meanwhile. A CPU is
// both, and does what it enqueues at once.
#pragma once

#include <array>

namespace drift {

struct StepTimes {
  // Of the device, by its own clock.
  double upload_seconds = 0;   // of the batch
  double forward_seconds = 0;  // augmentation and loss included
  double backward_seconds = 0;
  double update_seconds = 0;
  double comm_seconds = 0;  // averages of gradients or parameters, waiting for other workers included

  // Of the host.
  double data_seconds = 0;       // waiting for the batch
  double enqueue_seconds = 0;    // enqueuing all of that but averages
  double comm_host_seconds = 0;  // in the communicator

  double compute_seconds() const { return upload_seconds + forward_seconds + backward_seconds + update_seconds; }

  StepTimes& operator+=(const StepTimes& other) {
    for (const auto member : kAll) this->*member += other.*member;
    return *this;
  }
  StepTimes& operator/=(double count) {
    for (const auto member : kAll) this->*member /= count;
    return *this;
  }

  static const std::array<double StepTimes::*, 8> kAll;
};

inline constexpr std::array<double StepTimes::*, 8> StepTimes::kAll = {
    &StepTimes::upload_seconds,  &StepTimes::forward_seconds,  &StepTimes::backward_seconds,
    &StepTimes::update_seconds,  &StepTimes::comm_seconds,     &StepTimes::data_seconds,
    &StepTimes::enqueue_seconds, &StepTimes::comm_host_seconds};

}  // namespace drift
