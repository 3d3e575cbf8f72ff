// The spans that are parts of a step, for what records them; those inside are layers.
#pragma once

#include <array>
#include <string_view>

namespace drift {

inline constexpr std::array<std::string_view, 7> kStepParts = {
    "batch", "forward", "backward", "update", "outer update", "average gradients", "average parameters"};

}  // namespace drift
