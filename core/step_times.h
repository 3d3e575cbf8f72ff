// StepTimes: where the host's time of a step went, in seconds. On a GPU this is the time to enqueue.
#pragma once

namespace drift {

struct StepTimes {
  double data_seconds = 0;     // waiting for the batch
  double forward_seconds = 0;  // upload, augmentation and loss included; a captured step is launched as one piece, here
  double backward_seconds = 0;
  double update_seconds = 0;
  double comm_seconds = 0;  // in the communicator, waiting for other workers included

  double compute_seconds() const { return data_seconds + forward_seconds + backward_seconds + update_seconds; }

  StepTimes& operator+=(const StepTimes& other) {
    data_seconds += other.data_seconds;
    forward_seconds += other.forward_seconds;
    backward_seconds += other.backward_seconds;
    update_seconds += other.update_seconds;
    comm_seconds += other.comm_seconds;
    return *this;
  }
  StepTimes& operator/=(double count) {
    data_seconds /= count;
    forward_seconds /= count;
    backward_seconds /= count;
    update_seconds /= count;
    comm_seconds /= count;
    return *this;
  }
};

}  // namespace drift
