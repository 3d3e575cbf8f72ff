#include "train/checkpoint/replica_state.h"

#include <algorithm>
#include <array>
#include <bit>
#include <span>
#include <string>

#include "core/check.h"

namespace drift {
namespace {

static_assert(std::endian::native == std::endian::little, "header and arenas are written as they lie in memory");

constexpr std::array<char, 8> kMagic{'D', 'R', 'I', 'F', 'T', 'W', 'R', 'K'};
// How many arenas a file has, by its version: each state is written in the first that has room for it.
constexpr std::array<std::size_t, 5> kArenas = {0, 3, 5, 6, 7};

bool has_more(const ReplicaState& state, std::size_t arenas) {
  const auto all = arenas_of(state);
  return std::ranges::any_of(std::span(all).subspan(arenas), [](const auto* arena) { return !arena->empty(); });
}

std::uint32_t version_of(const ReplicaState& state) {
  std::uint32_t version = 1;
  while (has_more(state, kArenas[version])) ++version;
  return version;
}

struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint32_t version = 1;
  std::int32_t worker = 0;
  std::int64_t step = 0;
};
static_assert(sizeof(Header) == 24, "no padding: the header is written byte for byte");

}  // namespace

Digest write_replica_state(const std::filesystem::path& path, int worker, std::int64_t step,
                           const ReplicaState& state) {
  const Header header{.version = version_of(state), .worker = worker, .step = step};
  const auto all = arenas_of(state);
  const auto arenas = std::span(all).first(kArenas[header.version]);
  std::vector<std::uint64_t> floats;
  for (const auto* const arena : arenas) floats.push_back(arena->size());
  OutputFile file(path);
  file.write(std::as_bytes(std::span(&header, 1)));
  file.write(std::as_bytes(std::span(floats)));
  for (const auto* const arena : arenas) file.write(std::as_bytes(std::span(*arena)));
  return file.finish();
}

ReplicaState read_replica_state(InputFile& file, int worker, std::int64_t step) {
  const std::string name = file.path().string();
  Header header;
  file.read(std::as_writable_bytes(std::span(&header, 1)), "the header");
  DRIFT_CHECK(kCheckpoint, header.magic == kMagic, "{}: not a worker's state: it does not begin with DRIFTWRK", name);
  DRIFT_CHECK(kCheckpoint, header.version > 0 && header.version < kArenas.size(),
              "{}: version {}, this program reads versions 1 to {}", name, header.version, kArenas.size() - 1);
  DRIFT_CHECK(kCheckpoint, header.worker == worker && header.step == step,
              "{}: holds worker {} at step {}, expected worker {} at step {}", name, header.worker, header.step, worker,
              step);
  ReplicaState state;
  const auto arenas = arenas_of(state);
  std::array<std::uint64_t, arenas.size()> floats{};
  const std::span<std::uint64_t> announced = std::span(floats).first(kArenas[header.version]);
  file.read(std::as_writable_bytes(announced), "the header");
  const std::span<std::uint64_t> new_ones = announced.subspan(kArenas[header.version - 1]);
  DRIFT_CHECK(kCheckpoint, header.version == 1 || std::ranges::any_of(new_ones, [](auto n) { return n > 0; }),
              "{}: version {} without what it is for, an arena more", name, header.version);
  for (std::size_t i = 0; i < arenas.size(); ++i) {
    DRIFT_CHECK(kCheckpoint, floats[i] <= file.remaining() / sizeof(float),
                "{}: truncated: an arena of {} floats is announced, {} bytes follow", name, floats[i],
                file.remaining());
    arenas[i]->resize(floats[i]);
    file.read(std::as_writable_bytes(std::span(*arenas[i])), "an arena");
  }
  DRIFT_CHECK(kCheckpoint, file.remaining() == 0, "{}: {} bytes follow the last arena, expected none", name,
              file.remaining());
  return state;
}

}  // namespace drift
