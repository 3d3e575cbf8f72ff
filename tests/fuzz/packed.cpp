// A packed file from anywhere, and one whose checksums are right around an index from anywhere.
#include <algorithm>
#include <vector>

#include "core/checked_file.h"
#include "data/pack_format.h"
#include "tests/fuzz/target.h"

using namespace drift;

namespace {

void read_all(std::span<const std::byte> file) {
  testing::is_read(ErrorKind::kData, [&] {
    const PackHeader header = read_pack_header(file);
    const PackIndex index = read_pack_index(file, header);
    DRIFT_ASSERT(std::ranges::equal(bytes_of(index), file.subspan(static_cast<std::size_t>(header.index_begin))),
                 "an index of {} images is written with other bytes", index.images.size());
    for (std::size_t i = 0; i < index.images.size(); ++i) {
      testing::is_read(ErrorKind::kData, [&] { checked_image(file, index, i); });
    }
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  read_all(bytes);
  if (size == 0) return 0;
  const std::span<const std::byte> index = bytes.subspan(1);
  const auto header = bytes_of(PackHeader{.images = data[0],
                                          .index_begin = kPackHeaderBytes,
                                          .index_bytes = index.size(),
                                          .index_checksum = digest_of(index).checksum});
  std::vector<std::byte> file(header.begin(), header.end());
  file.insert(file.end(), index.begin(), index.end());
  read_all(file);
  return 0;
}
