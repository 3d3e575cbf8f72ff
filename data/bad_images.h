// What happens to an image that is there but cannot be decoded.
#pragma once

#include <cstdint>
#include <string>

#include "core/check.h"
#include "data/source.h"

namespace drift {

// An error, or it is left out and said so, once.
enum class BadImages : std::uint8_t { kFail, kSkip };

// Decodes an image of a source. Returns why that cannot be, or nothing if it can; with kFail that is an error, kData,
// which names the image.
template <class Decode>
std::string problem_of(const Source& source, std::int64_t index, BadImages bad_images, const Decode& decode) {
  try {
    decode();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kData) throw;
    DRIFT_CHECK(kData, bad_images == BadImages::kSkip, "{}: {}. With --bad-images skip such images are left out",
                source.place(index), error.message());
    return error.message();
  }
  return {};
}

}  // namespace drift
