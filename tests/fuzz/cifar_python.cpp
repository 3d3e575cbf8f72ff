// A file of the python version of CIFAR-10 or CIFAR-100 from anywhere: of images, and of class names. The first byte
// says of which set.
#include "data/cifar_python.h"

#include "tests/fuzz/target.h"

using namespace drift;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const CifarLayout kLayouts[] = {cifar10_layout(), cifar100_layout()};
  if (size == 0) return 0;
  const CifarLayout& layout = kLayouts[data[0] % 2];
  const std::string_view bytes = testing::text_of(data + 1, size - 1);
  testing::is_read(ErrorKind::kData, [&] {
    unsigned sum = 0;
    const auto add = [&](std::int32_t label, const std::uint8_t* planes) {
      DRIFT_ASSERT(label >= 0 && label < layout.labels.back().classes, "label {}", label);
      for (std::int64_t i = 0; i < kCifarPixels; ++i) sum += planes[i];
    };
    const std::int64_t images = read_cifar_python(bytes, "FILE", layout, add);
    DRIFT_ASSERT(images * kCifarPixels <= std::ssize(bytes) && sum < UINT32_MAX, "{} images", images);
  });
  testing::is_read(ErrorKind::kData, [&] { read_cifar_python_names(bytes, "FILE", layout); });
  return 0;
}
