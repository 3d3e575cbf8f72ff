#include "data/folder_source.h"

#include "core/checked_file.h"
#include "core/regular_file.h"

namespace drift {
namespace {

constexpr std::size_t kFileBytesMax = std::size_t{1} << 30;

}  // namespace

std::span<const std::uint8_t> FolderSource::read(std::int64_t index, std::string& memory) const {
  memory = read_text(path_of(index), kFileBytesMax, ErrorKind::kData);
  return {reinterpret_cast<const std::uint8_t*>(memory.data()), memory.size()};
}

void FolderSource::identify(RunningDigest& digest) const {
  for (const std::string& file : split_.files) digest.add(std::as_bytes(std::span(file.c_str(), file.size() + 1)));
  digest.add(std::as_bytes(std::span(split_.labels)));
}

}  // namespace drift
