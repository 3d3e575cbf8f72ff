#include "data/fetch/md5.h"

#include <algorithm>
#include <fmt/format.h>
#include <md5.h>
#include <vector>

#include "core/checked_file.h"

namespace drift {

void RunningMd5::Free::operator()(MD5Context* context) const {
  delete context;
}

RunningMd5::RunningMd5() : context_(new MD5Context{}) {
  MD5Init(context_.get());
}

void RunningMd5::add(std::span<const std::byte> bytes) {
  MD5Update(context_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

std::string RunningMd5::digits() {
  std::array<std::uint8_t, MD5_DIGEST_LENGTH> sum{};
  MD5Final(sum.data(), context_.get());
  std::string digits;
  for (const std::uint8_t byte : sum) digits += fmt::format("{:02x}", byte);
  return digits;
}

std::string md5_of_file(const std::filesystem::path& path) {
  constexpr std::size_t kPieceBytes = 1 << 18;
  InputFile file(path, ErrorKind::kData);
  std::vector<std::byte> piece(kPieceBytes);
  RunningMd5 sum;
  while (file.remaining() > 0) {
    const std::span<std::byte> next =
        std::span(piece).first(std::min<std::size_t>(static_cast<std::size_t>(file.remaining()), piece.size()));
    file.read(next, "bytes for its checksum");
    sum.add(next);
  }
  return sum.digits();
}

}  // namespace drift
