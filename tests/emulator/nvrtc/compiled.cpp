#include "tests/emulator/nvrtc/compiled.h"

#include <cstdio>
#include <fstream>
#include <system_error>
#include <unistd.h>
#include <xxhash.h>

namespace drift::emulator {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kNone = -1;  // instead of a size

}  // namespace

std::string key_of(const std::vector<std::string_view>& parts) {
  std::string text;
  for (const std::string_view part : parts) {
    text += std::to_string(part.size()) + ":";
    text += part;
  }
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  char name[33];
  std::snprintf(name, sizeof name, "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return name;
}

std::optional<Compiled> read_compiled(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  Compiled compiled;
  for (std::optional<std::string>& artefact : compiled) {
    std::int64_t size = kNone;
    if (!in.read(reinterpret_cast<char*>(&size), sizeof size)) return std::nullopt;
    if (size == kNone) continue;
    artefact.emplace(static_cast<std::size_t>(size), '\0');
    if (!in.read(artefact->data(), size)) return std::nullopt;
  }
  return compiled;
}

void write_compiled(const fs::path& file, const Compiled& compiled) {
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  fs::path aside = file;
  aside += '.';
  aside += std::to_string(::getpid());
  std::ofstream out(aside, std::ios::binary);
  for (const std::optional<std::string>& artefact : compiled) {
    const std::int64_t size = artefact ? static_cast<std::int64_t>(artefact->size()) : kNone;
    out.write(reinterpret_cast<const char*>(&size), sizeof size);
    if (artefact) out.write(artefact->data(), size);
  }
  out.close();
  if (out) {
    fs::rename(aside, file, error);
  } else {
    fs::remove(aside, error);
  }
}

}  // namespace drift::emulator
