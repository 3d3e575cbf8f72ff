#include "tests/golden/recipe.h"

#include <cmath>

namespace drift::testing {
namespace {

struct Distribution {
  double mean = 0, deviation = 0.1;
};

// Norms have a small gamma and a larger beta, which keeps most inputs of a ReLU away from its kink.
Distribution distribution_of(std::string_view name, std::size_t rank, std::int64_t elements_per_output) {
  if (name.starts_with("images")) return {0, 1};
  if (rank > 1) return {0, std::sqrt((rank == 4 ? 2.0 : 1.0) / static_cast<double>(elements_per_output))};
  if (name.ends_with("running_var")) return {2, 0.4};
  if (name.ends_with("weight")) return {0.25, 0.05};
  if (name.ends_with("bias") && !name.starts_with("fc")) return {0.75, 0.1};
  return {};
}

}  // namespace

Rng stream_of(std::string_view name) {
  std::uint32_t number = 2166136261u;
  for (const char letter : name) number = (number ^ static_cast<unsigned char>(letter)) * 16777619u;
  return Rng(1, number);
}

std::vector<float> recipe_values(std::string_view name, std::span<const std::int64_t> shape) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  const auto [mean, deviation] = distribution_of(name, shape.size(), count / shape[0]);
  const auto bound = static_cast<double>(static_cast<float>(deviation * std::sqrt(3.0)));
  const Rng rng = stream_of(name);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(mean + bound * (2 * static_cast<double>(rng.uniform(i)) - 1));
  }
  return values;
}

}  // namespace drift::testing
