// JPEG decoding by libjpeg-turbo, or, in missing/, what there is without it.
#pragma once

#include <cstdint>
#include <memory>
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

  // What is in `pixels` then, of the shrunk image. `full`: what the file says; shrink, box: see ImageDecoder::decode().
  // Throws kData.
  Box decode(std::span<const std::uint8_t> bytes, const ImageSize& full, int shrink, const Box& box,
             std::vector<std::uint8_t>& pixels);

 private:
  struct Library;

  std::unique_ptr<Library> library_;
};

}  // namespace drift
