// Compression: what a replica sends where gradients or parameters travel as bfloat16 (formula: Compress in
// kernels/op.h). Of gradients that is what they are, of parameters the way since the start of their round, which is
// short: of a parameter itself bfloat16 keeps two or three digits, and most of a round's way would be lost. With
// feedback what rounding left out is added to what is sent next, so that nothing is lost for good.
#pragma once

#include <optional>
#include <span>

#include "engine/arena_range.h"
#include "engine/optim/own_arena.h"

namespace drift {

class Compression {
 public:
  // For replicas like this one. Nothing was left out yet.
  Compression(const ParameterSet& replica, bool feedback, Backend& backend);
  Compression(const Compression&) = delete;
  Compression& operator=(const Compression&) = delete;

  // g <- what is sent of it.
  void gradients(const ParameterSet& replica, const ArenaRange& range, Backend& backend);
  // w <- what is sent of w - start; and, once that is the mean of all workers, w <- start + w.
  void parameters(const ParameterSet& replica, const ArenaRange& range, std::span<float> start, Backend& backend);
  void add_start(const ParameterSet& replica, const ArenaRange& range, std::span<float> start, Backend& backend);

  // What was left out, all that there is to keep: an arena like that of the parameters, or none without feedback.
  std::span<float> error() const { return error_ ? error_->floats() : std::span<float>(); }
  void forget(Backend& backend);

 private:
  std::span<float> error(const ArenaRange& range) const { return error_ ? range.of(error_->floats()) : error(); }

  std::optional<OwnArena> error_;
};

}  // namespace drift
