// Zip archives byte by byte, so that tests can say what no library would write.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace drift::testing {

struct ZipEntry {
  std::string name, bytes;
  std::uint16_t method = 0, flags = 0;
  std::uint32_t announced = 0;  // bytes, where not those that there are
};

inline std::uint32_t crc32_of(std::string_view bytes) {
  std::uint32_t crc = ~0u;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
  }
  return ~crc;
}

inline std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (; bytes > 0; --bytes, value >>= 8) text += static_cast<char>(value);
  return text;
}

inline std::string zip_text(const std::vector<ZipEntry>& entries) {
  std::string local, directory;
  for (const ZipEntry& entry : entries) {
    const std::size_t bytes = entry.announced > 0 ? entry.announced : entry.bytes.size();
    const std::string common = little_endian(20, 2) + little_endian(entry.flags, 2) + little_endian(entry.method, 2) +
                               little_endian(0x00210000, 4) + little_endian(crc32_of(entry.bytes), 4) +
                               little_endian(bytes, 4) + little_endian(bytes, 4) + little_endian(entry.name.size(), 2) +
                               little_endian(0, 2);
    directory +=
        "PK\1\2" + little_endian(20, 2) + common + little_endian(0, 10) + little_endian(local.size(), 4) + entry.name;
    local += "PK\3\4" + common + entry.name + entry.bytes;
  }
  return local + directory + "PK\5\6" + little_endian(0, 4) + little_endian(entries.size(), 2) +
         little_endian(entries.size(), 2) + little_endian(directory.size(), 4) + little_endian(local.size(), 4) +
         little_endian(0, 2);
}

}  // namespace drift::testing
