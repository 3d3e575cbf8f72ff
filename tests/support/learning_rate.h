// A learning rate in device memory, where the optimizer reads it, for tests that have no batch to bring it.
#pragma once

#include "kernels/backend.h"

namespace drift::testing {

class LearningRate {
 public:
  LearningRate(Backend& backend, float rate) : value_(backend.stream().device(), sizeof(float)) {
    backend.upload(&rate, view());
  }

  TensorView view() const { return {.data = value_.data(), .shape = {1}}; }

 private:
  Storage value_;
};

}  // namespace drift::testing
