// A safetensors file: --weights takes them from anywhere.
#include "train/checkpoint/safetensors.h"

#include "tests/fuzz/target.h"

using namespace drift;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static testing::MemoryFile file;
  file.hold(testing::text_of(data, size));
  testing::is_read(ErrorKind::kCheckpoint, [&] {
    const TensorFile weights = read_safetensors(file.path());
    for (const TensorEntry& entry : weights.entries()) {
      std::uint64_t count = 1;
      for (const std::int64_t extent : entry.shape) count *= static_cast<std::uint64_t>(extent);
      testing::is_read(ErrorKind::kCheckpoint, [&] {
        DRIFT_ASSERT(weights.floats(entry).size() == count, "{}: not {} floats", entry.name, count);
      });
    }
  });
  return 0;
}
