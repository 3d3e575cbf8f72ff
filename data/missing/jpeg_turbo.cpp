// In place of data/turbo/ where libjpeg-turbo was not found.
#include "data/jpeg_turbo.h"

#include "core/check.h"

namespace drift {

struct JpegTurbo::Library {};

bool JpegTurbo::available() {
  return false;
}

JpegTurbo::JpegTurbo() {
  DRIFT_FAIL(kConfig, "this build has no libjpeg-turbo (Debian: libjpeg-dev)");
}

JpegTurbo::~JpegTurbo() = default;

Box JpegTurbo::decode(std::span<const std::uint8_t>, const ImageSize&, int, const Box&, std::vector<std::uint8_t>&) {
  DRIFT_FAIL(kInternal, "a decoder that cannot be made");
}

}  // namespace drift
