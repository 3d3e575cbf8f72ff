// JPEG decoding by libjpeg-turbo (its TurboJPEG API), or, in missing/, what there is without it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/resize.h"

namespace drift {

class JpegTurbo {
 public:
  static bool available();

  JpegTurbo();
  ~JpegTurbo();
  JpegTurbo(const JpegTurbo&) = delete;
  JpegTurbo& operator=(const JpegTurbo&) = delete;

  // The size of what is in `pixels` then. `full`: what the file says; shrink: see ImageDecoder::decode(). Throws kData.
  ImageSize decode(std::span<const std::uint8_t> bytes, const ImageSize& full, int shrink,
                   std::vector<std::uint8_t>& pixels);

 private:
  void* handle_ = nullptr;
};

}  // namespace drift
