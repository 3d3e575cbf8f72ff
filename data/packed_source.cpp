#include "data/packed_source.h"

#include <utility>

#include "core/check.h"
#include "core/checked_file.h"

namespace drift {
namespace {

// With the file's name in front of what it throws.
template <class Work>
auto of_file(const std::filesystem::path& path, Work work) {
  try {
    return work();
  } catch (const Error& error) {
    DRIFT_FAIL(kData, "{}: {}", path.string(), error.message());
  }
}

}  // namespace

PackedSource::PackedSource(std::filesystem::path path)
    : path_(std::move(path)),
      file_(path_),
      header_(of_file(path_, [&] { return read_pack_header(file_.bytes()); })),
      index_(of_file(path_, [&] { return read_pack_index(file_.bytes(), header_); })) {}

std::string PackedSource::place(std::int64_t index) const {
  return fmt::format("{}, image {} ({})", path_.string(), index, index_.names.at(static_cast<std::size_t>(index)));
}

std::span<const std::uint8_t> PackedSource::read(std::int64_t index, std::string& /*memory*/) const {
  const std::span<const std::byte> bytes =
      of_file(path_, [&] { return checked_image(file_.bytes(), index_, static_cast<std::size_t>(index)); });
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

void PackedSource::identify(RunningDigest& digest) const {
  digest.add(std::as_bytes(std::span(&header_.index_checksum, 1)));
}

}  // namespace drift
