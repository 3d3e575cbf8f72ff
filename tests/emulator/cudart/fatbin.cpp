#include "tests/emulator/cudart/fatbin.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tests/emulator/cudart/report.h"

namespace drift::emulator {
namespace {

constexpr std::uint32_t kWrapperMagic = 0x466243b1;
constexpr std::uint32_t kMagic = 0xba55ed50;
constexpr std::uint16_t kPtx = 1, kElf = 2;
constexpr std::uint64_t kCompressed = 0xf000;  // one bit per method
constexpr std::size_t kEntryBytes = 64;

template <typename T>
T read(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

struct Entry {
  std::uint16_t kind;
  std::uint32_t header_bytes;
  std::uint64_t bytes;
  int sm;
  std::uint64_t flags;
  const char* content;
};

Entry read_entry(const char* at) {
  Entry entry{};
  entry.kind = read<std::uint16_t>(at);
  entry.header_bytes = read<std::uint32_t>(at + 4);
  entry.bytes = read<std::uint64_t>(at + 8);
  entry.sm = static_cast<int>(read<std::uint32_t>(at + 28));
  entry.flags = read<std::uint64_t>(at + 40);
  entry.content = at + entry.header_bytes;
  return entry;
}

bool better(int candidate, int chosen, int sm) {
  if (chosen == 0) return true;
  if (chosen > sm) return candidate < chosen;
  return candidate <= sm && candidate > chosen;
}

}  // namespace

FatBinaryCode read_fat_binary(const void* wrapper, int sm) {
  const auto* const outer = static_cast<const char*>(wrapper);
  if (read<std::uint32_t>(outer) != kWrapperMagic) stop("a fat binary of an unknown kind was registered");
  const char* const data = read<const char*>(outer + 8);
  if (read<std::uint32_t>(data) != kMagic) stop("a fat binary of an unknown kind was registered");
  const char* at = data + read<std::uint16_t>(data + 6);
  const char* const end = at + read<std::uint64_t>(data + 8);
  FatBinaryCode code;
  int chosen = 0;
  while (at + kEntryBytes <= end) {
    const Entry entry = read_entry(at);
    // SASS runs on its own device and on later ones of the same generation; PTX on all later ones.
    if (entry.kind == kElf && entry.sm / 10 == sm / 10 && entry.sm <= sm) code.runs = true;
    if (entry.kind == kPtx && entry.sm <= sm) code.runs = true;
    if (entry.kind == kPtx && better(entry.sm, chosen, sm)) {
      if ((entry.flags & kCompressed) != 0)
        stop("the PTX in the program is compressed: build it with nvcc --no-compress");
      chosen = entry.sm;
      code.ptx.assign(entry.content, strnlen(entry.content, entry.bytes));
    }
    at += entry.header_bytes + entry.bytes;
  }
  if (chosen == 0) stop("the program holds no PTX: build it for one virtual architecture too (code=compute_90)");
  return code;
}

}  // namespace drift::emulator
