// A checkpoint of PyTorch's: --weights and `drift convert` take them from anywhere. Read as a file, and as the pickle
// in a sound archive with one storage, for a changed byte of an archive seldom gets past its checksums.
#include "train/checkpoint/torch_file.h"

#include <array>

#include "tests/fuzz/target.h"
#include "train/checkpoint/weight_format.h"
#include "train/checkpoint/zip_archive.h"

using namespace drift;

namespace {

void read(const std::filesystem::path& path) {
  testing::is_read(ErrorKind::kCheckpoint, [&] {
    const TensorFile weights = read_tensors(path);
    for (const TensorEntry& entry : weights.entries()) {
      testing::is_read(ErrorKind::kCheckpoint, [&] {
        DRIFT_ASSERT(weights.floats(entry).size() == entry.elements(), "{}: not {} floats", entry.name,
                     entry.elements());
      });
    }
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static testing::MemoryFile file, archive;
  file.hold(testing::text_of(data, size));
  read(file.path());

  static constexpr std::array<std::byte, 64> kStorage{};
  const std::array parts{ZipPart{"x/data.pkl", std::as_bytes(std::span(data, size))}, ZipPart{"x/data/0", kStorage}};
  {
    OutputFile output(archive.path());
    write_zip(output, parts);
  }
  read(archive.path());
  return 0;
}
