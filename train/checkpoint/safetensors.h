// The safetensors format, read and written: 8 bytes little-endian header length, a JSON header {name: {dtype, shape,
// data_offsets}}, then the data, without holes. Files come from anywhere, so nothing in one is believed: every size and
// offset is checked before it is used, and every finding is kCheckpoint naming file, tensor and expectation.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/checked_file.h"

namespace drift {

struct SafetensorsEntry {
  std::string name;
  std::string dtype;                 // "F32", "BF16", "I64", ...
  std::vector<std::int64_t> shape;   // [] for a scalar
  std::uint64_t begin = 0, end = 0;  // its bytes, counted from the start of the data
};

class SafetensorsFile {
 public:
  // Reads and checks the whole file.
  explicit SafetensorsFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  const std::vector<SafetensorsEntry>& entries() const { return entries_; }  // in the order of their data
  // The texts of the header's __metadata__, by key.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  // The elements as float32. F32, F16 and BF16 keep their values, F64 is rounded; an integer type is an error.
  std::vector<float> floats(const SafetensorsEntry& entry) const;

 private:
  std::filesystem::path path_;
  std::vector<SafetensorsEntry> entries_;
  std::map<std::string, std::string> metadata_;
  std::vector<std::byte> data_;
};

// A tensor to be written, as F32.
struct SafetensorsTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::span<const float> values;
};

// Writes them in the order given; the caller finishes the file. Names must differ. metadata: more of it than the
// format's name.
void write_safetensors(OutputFile& file, std::span<const SafetensorsTensor> tensors,
                       const std::map<std::string, std::string>& metadata = {});

// "[16,3,3,3]"
std::string shape_text(std::span<const std::int64_t> shape);

}  // namespace drift
