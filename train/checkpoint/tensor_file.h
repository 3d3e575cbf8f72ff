// Tensors by their names, as files of weights have them: what the readers of all formats fill and their writers take.
// The elements stay as they lie in the file until somebody asks for them as float32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drift {

struct TensorEntry {
  std::string name = {};
  std::string dtype = {};                  // as safetensors calls it: "F32", "BF16", "I64", ...
  std::vector<std::int64_t> shape = {};    // [] for a scalar
  std::vector<std::int64_t> strides = {};  // in elements, one for each axis; none is negative
  std::span<const std::byte> bytes = {};   // from the first element to the last

  std::uint64_t elements() const;
};

// What a reader has checked: every element of every entry lies in its bytes.
class TensorFile {
 public:
  using Memory = std::vector<std::vector<std::byte>>;

  // memory: where the bytes of the entries lie. metadata: texts that the file has beside its tensors, by key.
  TensorFile(std::filesystem::path path, std::vector<TensorEntry> entries, Memory memory,
             std::map<std::string, std::string> metadata);

  const std::filesystem::path& path() const { return path_; }
  const std::vector<TensorEntry>& entries() const { return entries_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  // The elements in the order of the shape. F32, F16 and BF16 keep their values, F64 is rounded; another type is
  // kCheckpoint.
  std::vector<float> floats(const TensorEntry& entry) const;

 private:
  std::filesystem::path path_;
  std::vector<TensorEntry> entries_;
  Memory memory_;
  std::map<std::string, std::string> metadata_;
};

// A tensor to be written, as float32.
struct NamedTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::span<const float> values;
};

// Of a type that safetensors has; nothing for another.
std::optional<std::uint64_t> bytes_per_element(std::string_view dtype);

// Those of elements without gaps, the last axis the densest.
std::vector<std::int64_t> dense_strides(std::span<const std::int64_t> shape);

// "[16,3,3,3]"
std::string shape_text(std::span<const std::int64_t> shape);

}  // namespace drift
