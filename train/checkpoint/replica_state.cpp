#include "train/checkpoint/replica_state.h"

#include <array>
#include <bit>
#include <span>
#include <string>

#include "core/check.h"

namespace drift {
namespace {

static_assert(std::endian::native == std::endian::little, "header and arenas are written as they lie in memory");

constexpr std::array<char, 8> kMagic{'D', 'R', 'I', 'F', 'T', 'W', 'R', 'K'};
// Files of the first end behind three arenas; only those of an outer optimizer are of the second.
constexpr std::uint32_t kPlain = 1, kWithOuter = 2;
constexpr std::size_t kPlainArenas = 3;

struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint32_t version = kPlain;
  std::int32_t worker = 0;
  std::int64_t step = 0;
};
static_assert(sizeof(Header) == 24, "no padding: the header is written byte for byte");

}  // namespace

Digest write_replica_state(const std::filesystem::path& path, int worker, std::int64_t step,
                           const ReplicaState& state) {
  const bool plain = state.round_start.empty() && state.outer_momentum.empty();
  const Header header{.version = plain ? kPlain : kWithOuter, .worker = worker, .step = step};
  const auto all = arenas_of(state);
  const auto arenas = std::span(all).first(plain ? kPlainArenas : all.size());
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
  DRIFT_CHECK(kCheckpoint, header.version == kPlain || header.version == kWithOuter,
              "{}: version {}, this program reads versions {} and {}", name, header.version, kPlain, kWithOuter);
  DRIFT_CHECK(kCheckpoint, header.worker == worker && header.step == step,
              "{}: holds worker {} at step {}, expected worker {} at step {}", name, header.worker, header.step, worker,
              step);
  ReplicaState state;
  const auto arenas = arenas_of(state);
  std::array<std::uint64_t, arenas.size()> floats{};
  const std::size_t announced = header.version == kPlain ? kPlainArenas : floats.size();
  file.read(std::as_writable_bytes(std::span(floats).first(announced)), "the header");
  DRIFT_CHECK(kCheckpoint, header.version == kPlain || floats[kPlainArenas] > 0 || floats[kPlainArenas + 1] > 0,
              "{}: version {} without what it is for, an outer optimizer's arenas", name, header.version);
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
