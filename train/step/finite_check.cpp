#include "train/step/finite_check.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/text.h"

namespace drift {
namespace {

constexpr float kNoAnswer = -1;  // never taken for "nothing found"

}  // namespace

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
    : counts_(device, kArenas * sizeof(float)), host_(device, kArenas * sizeof(float)), arrived_(device) {}

void FiniteCheck::enqueue(const ParameterSet& state, Backend& backend) {
  DRIFT_ASSERT(!waiting_, "the answer before was not taken");
  std::fill_n(static_cast<float*>(host_.data()), kArenas, kNoAnswer);
  const TensorView counts{.data = counts_.data(), .shape = {kArenas}};
  backend.fill(counts, 0);
  const auto count = [&](std::span<const float> arena, std::size_t place) {
    if (arena.empty()) return;
    backend.count_non_finite({arena, {.data = counts.as<float>() + place, .shape = {1}}});
  };
  count(state.values(), 0);
  if (state.has_training_state()) count(state.momentum(), 1);
  count(state.buffers(), 2);
  backend.download_async(counts, host_);
  arrived_.record(backend.stream());
  waiting_ = true;
}

NonFiniteCounts FiniteCheck::take() {
  DRIFT_ASSERT(waiting_, "no answer is waiting");
  waiting_ = false;
  arrived_.synchronize();
  const float* const counts = static_cast<const float*>(host_.data());
  DRIFT_ASSERT(std::count(counts, counts + kArenas, kNoAnswer) == 0, "the counts were read before they arrived");
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
