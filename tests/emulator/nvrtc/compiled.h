// What a compilation made, kept in a file of the folder that EMU_NVRTC_CACHE names.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drift::emulator {

enum class Artefact : std::uint8_t { kPtx, kCubin, kLog };
inline constexpr std::size_t kArtefacts = 3;

// By Artefact; nothing where the compiler has none, such as a cubin for a virtual architecture.
using Compiled = std::array<std::optional<std::string>, kArtefacts>;

// Of everything that decides what the compiler makes.
std::string key_of(const std::vector<std::string_view>& parts);

std::optional<Compiled> read_compiled(const std::filesystem::path& file);
// Written aside and renamed; several processes may do so at once. What cannot be written is compiled again next time.
void write_compiled(const std::filesystem::path& file, const Compiled& compiled);

}  // namespace drift::emulator
