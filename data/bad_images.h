// What happens to an image that is there but cannot be decoded.
#pragma once

#include <cstdint>

namespace drift {

// An error, or it is left out and said so, once.
enum class BadImages : std::uint8_t { kFail, kSkip };

}  // namespace drift
