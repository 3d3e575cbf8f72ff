// The numbers that scripts/make_golden_imagenet.py gives to weights, images and signs: a formula of name and shape, so
// that no file has to hold them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/rng.h"

namespace drift::testing {

// A stream for each name, numbered by FNV-1a's hash.
Rng stream_of(std::string_view name);

// In PyTorch's layout: [N,C,H,W], [O,I,k,k], [O,I] or [C].
std::vector<float> recipe_values(std::string_view name, std::span<const std::int64_t> shape);

}  // namespace drift::testing
