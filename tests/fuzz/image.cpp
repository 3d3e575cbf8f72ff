// A JPEG or PNG file from anywhere, as it is checked and as each library decodes it.
#include "data/image_decoder.h"
#include "tests/fuzz/target.h"

using namespace drift;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static ImageDecoder by_stb(JpegLibrary::kStb), by_best;
  constexpr std::int64_t kPixelsMax = 1 << 16;  // more would only take longer
  testing::is_read(ErrorKind::kData, [&] {
    const ImageSize image = read_image_header({data, size}).size;
    DRIFT_ASSERT(image.width > 0 && image.height > 0 && image.width * image.height <= kImagePixelsMax, "{}x{}",
                 image.width, image.height);
    if (image.width * image.height > kPixelsMax) return;
    for (ImageDecoder* decoder : {&by_stb, &by_best}) {
      testing::is_read(ErrorKind::kData, [&] {
        const DecodedImage decoded = decoder->decode({data, size});
        DRIFT_ASSERT(decoded.full == image && std::ssize(decoded.image.pixels) == image.width * image.height * 3,
                     "{} bytes of {}x{}", decoded.image.pixels.size(), image.width, image.height);
      });
    }
  });
  return 0;
}
