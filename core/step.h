// Step counts training steps from 0; Sync says what the workers do together at the end of one. They stand in core/
// because every part of training, its records and its reports speak of them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace drift {

using Step = std::int64_t;

// kFragment: of parameters a part; kNode: among the workers of a node alone; kParameters: all of them, or the last
// part.
enum class Sync : std::uint8_t { kNone, kGradients, kFragment, kNode, kParameters };
inline constexpr std::array kSyncs = {Sync::kNone, Sync::kGradients, Sync::kFragment, Sync::kNode, Sync::kParameters};

constexpr bool averages_parameters(Sync sync) {
  return sync == Sync::kFragment || sync == Sync::kNode || sync == Sync::kParameters;
}

// Of gradients or parameters, over all workers.
constexpr bool averages_over_all(Sync sync) {
  return sync != Sync::kNone && sync != Sync::kNode;
}

constexpr std::string_view name_of(Sync sync) {
  switch (sync) {
    case Sync::kNone:
      return "none";
    case Sync::kGradients:
      return "gradients";
    case Sync::kFragment:
      return "fragment";
    case Sync::kNode:
      return "node";
    case Sync::kParameters:
      return "parameters";
  }
  return "?";
}

// Nothing for another text.
constexpr std::optional<Sync> parse_sync(std::string_view name) {
  for (const Sync sync : kSyncs) {
    if (name_of(sync) == name) return sync;
  }
  return std::nullopt;
}

}  // namespace drift
