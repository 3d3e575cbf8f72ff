// The structure of a JPEG or PNG file from anywhere.
#include "data/image_header.h"

#include "tests/fuzz/target.h"

using namespace drift;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  testing::is_read(ErrorKind::kData, [&] {
    const ImageSize image = read_image_header({data, size}).size;
    DRIFT_ASSERT(image.width > 0 && image.height > 0 && image.width * image.height <= kImagePixelsMax, "{}x{}",
                 image.width, image.height);
  });
  return 0;
}
