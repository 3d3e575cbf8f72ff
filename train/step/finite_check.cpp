#include "train/step/finite_check.h"

#include <cmath>
#include <vector>

#include "core/check.h"
#include "core/text.h"

namespace drift {
std::string to_string(const NonFiniteCounts& counts) {
  std::vector<std::string> parts;
  const auto add = [&](std::int64_t count, std::string_view of) {
    if (count > 0) parts.push_back(fmt::format("{} of the {}", count, of));
  };
  add(counts.parameters, "parameters");
  add(counts.momentum, "momentum");
  add(counts.statistics, "batch-norm statistics");
  return parts.empty() ? "none" : joined(parts);
}

FiniteCheck::FiniteCheck(Device device)
    : counts_(device, kArenas * sizeof(float)), answers_(device, kArenas * sizeof(float)) {}

void FiniteCheck::enqueue(const ParameterSet& state, Backend& backend) {
  DRIFT_ASSERT(!waiting(), "the answer before was not taken");
  const TensorView counts{.data = counts_.data(), .shape = {kArenas}};
  backend.fill(counts, 0);
  const auto count = [&](std::span<const float> arena, std::size_t place) {
    if (arena.empty()) return;
    backend.count_non_finite({arena, {.data = counts.as<float>() + place, .shape = {1}}});
  };
  count(state.values(), 0);
  if (state.has_training_state()) count(state.momentum(), 1);
  count(state.buffers(), 2);
  answers_.put(counts, backend);
}

NonFiniteCounts FiniteCheck::take() {
  const float* const counts = static_cast<const float*>(answers_.take());
  return {.parameters = std::llround(counts[0]),
          .momentum = std::llround(counts[1]),
          .statistics = std::llround(counts[2])};
}

NonFiniteCounts count_non_finite(const ParameterSet& state, Backend& backend) {
  FiniteCheck check(backend.stream().device());
  check.enqueue(state, backend);
  return check.take();
}

}  // namespace drift
