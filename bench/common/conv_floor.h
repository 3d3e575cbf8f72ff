// The convolutions of a step and nothing else, straight on oneDNN: activations NHWC as the engine has them, weights
// already in whatever layout the primitive likes best. No engine can be faster with this library and layout.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bench/common/measure.h"
#include "bench/common/timed_backend.h"

namespace drift::bench {

class ConvFloor {
 public:
  ConvFloor(std::span<const ConvCall> calls, int threads);
  ~ConvFloor();

  // Runs every convolution once, in the order of the step, and returns the seconds that forward, backward data and
  // backward weights took.
  std::vector<double> run();

 private:
  struct Primitives;
  std::unique_ptr<Primitives> primitives_;
};

}  // namespace drift::bench
