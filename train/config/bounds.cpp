#include "train/config/bounds.h"

#include <fmt/format.h>

namespace drift::options {

bool Range::contains(double value) const {
  return (min_open ? value > min : value >= min) && (max_open ? value < max : value <= max);
}

std::string Range::text(std::string_view noun) const {
  if (std::isinf(min)) return std::string(noun);
  if (!std::isinf(max)) {
    if (!min_open && !max_open) return fmt::format("{} from {} to {}", noun, min, max);
    return fmt::format("{} {} {} and {} {}", noun, min_open ? "above" : "of at least", min,
                       max_open ? "below" : "at most", max);
  }
  return fmt::format("{} {} {}", noun, min_open ? "above" : "of at least", min);
}

}  // namespace drift::options
