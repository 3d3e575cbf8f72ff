// The convolutions of a step and nothing else, straight on oneDNN: activations NHWC as the engine has them, weights
// already in whatever layout the primitive likes best. No engine can be faster with this library and layout.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string_view>

#include "bench/common/timed_backend.h"

namespace drift::bench {

class ConvFloor {
 public:
  // The convolutions among `ops`.
  ConvFloor(std::span<const TimedOp> ops, int threads);
  ~ConvFloor();

  // Runs every convolution once, in the order of the step, and returns the seconds that each direction took.
  std::map<std::string_view, double> run();

 private:
  struct Primitives;
  std::unique_ptr<Primitives> primitives_;
};

}  // namespace drift::bench
