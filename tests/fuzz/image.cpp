// A JPEG or PNG file from anywhere, as it is checked and as each library decodes it, its middle and all of it.
#include "data/image_decoder.h"
#include "tests/fuzz/target.h"

using namespace drift;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static ImageDecoder by_stb(JpegLibrary::kStb), by_best;
  constexpr std::int64_t kPixelsMax = 1 << 16;  // more would only take longer
  testing::is_read(ErrorKind::kData, [&] {
    const ImageHeader header = read_image_header({data, size});
    const ImageSize image = header.size;
    DRIFT_ASSERT(image.width > 0 && image.height > 0 && image.width * image.height <= kImagePixelsMax, "{}x{}",
                 image.width, image.height);
    if (image.width * image.height > kPixelsMax) return;
    const Box middle{image.width / 4, image.height / 4, (image.width + 1) / 2, (image.height + 1) / 2};
    for (ImageDecoder* decoder : {&by_stb, &by_best}) {
      testing::is_read(ErrorKind::kData, [&] {
        const DecodedImage part = decoder->decode({data, size}, header, /*shrink=*/1, middle);
        DRIFT_ASSERT(part.left <= middle.left && part.top <= middle.top &&
                         part.left + part.image.size.width >= middle.left + middle.width &&
                         part.top + part.image.size.height >= middle.top + middle.height &&
                         std::ssize(part.image.pixels) == part.image.size.width * part.image.size.height * 3,
                     "{}x{}+{}+{} of {}x{}", part.image.size.width, part.image.size.height, part.left, part.top,
                     image.width, image.height);
      });
      testing::is_read(ErrorKind::kData, [&] {
        const DecodedImage decoded = decoder->decode({data, size});
        DRIFT_ASSERT(decoded.full == image && std::ssize(decoded.image.pixels) == image.width * image.height * 3,
                     "{} bytes of {}x{}", decoded.image.pixels.size(), image.width, image.height);
      });
    }
  });
  return 0;
}
