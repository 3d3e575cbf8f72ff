#include "train/checkpoint/tensor_file.h"

#include <array>
#include <bit>
#include <cstring>
#include <fmt/ranges.h>
#include <utility>

#include "core/check.h"
#include "core/dtype.h"

namespace drift {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are used as they lie in the files");

float float_of_half(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t magnitude = half & 0x7fffu;
  if (magnitude < 0x0400u) {  // zero or subnormal: a multiple of 2^-24
    const float value = static_cast<float>(magnitude) * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  const std::uint32_t exponent_shift =
      magnitude >= 0x7c00u ? 0x70000000u : 0x38000000u;  // infinities and NaN keep all ones
  return std::bit_cast<float>(sign | ((magnitude << 13) + exponent_shift));
}

// Calls visit(offset) with the place of every element, in elements, in the order of the shape.
template <class Visit>
void for_each_offset(const TensorEntry& entry, const Visit& visit) {
  const std::uint64_t count = entry.elements();
  if (entry.strides == dense_strides(entry.shape)) {
    for (std::uint64_t i = 0; i < count; ++i) visit(i);
    return;
  }
  std::vector<std::int64_t> index(entry.shape.size());
  std::uint64_t offset = 0;
  for (std::uint64_t left = count; left > 0; --left) {
    visit(offset);
    for (std::size_t axis = index.size(); axis-- > 0;) {
      offset += static_cast<std::uint64_t>(entry.strides[axis]);
      if (++index[axis] < entry.shape[axis]) break;
      offset -= static_cast<std::uint64_t>(index[axis] * entry.strides[axis]);
      index[axis] = 0;
    }
  }
}

// convert(each element as a T)
template <class T, class Convert>
std::vector<float> converted(const TensorEntry& entry, const Convert& convert) {
  std::vector<float> result;
  result.reserve(entry.elements());
  for_each_offset(entry, [&](std::uint64_t offset) {
    T element;
    std::memcpy(&element, entry.bytes.data() + offset * sizeof(T), sizeof(T));
    result.push_back(convert(element));
  });
  return result;
}

}  // namespace

std::uint64_t TensorEntry::elements() const {
  std::uint64_t count = 1;
  for (const std::int64_t extent : shape) count *= static_cast<std::uint64_t>(extent);
  return count;
}

TensorFile::TensorFile(std::filesystem::path path, std::vector<TensorEntry> entries, Memory memory,
                       std::map<std::string, std::string> metadata)
    : path_(std::move(path)),
      entries_(std::move(entries)),
      memory_(std::move(memory)),
      metadata_(std::move(metadata)) {}

std::vector<float> TensorFile::floats(const TensorEntry& entry) const {
  if (entry.dtype == "F32") return converted<float>(entry, [](float value) { return value; });
  if (entry.dtype == "F64") return converted<double>(entry, [](double value) { return static_cast<float>(value); });
  if (entry.dtype == "BF16") return converted<BFloat16>(entry, [](BFloat16 value) { return to_float(value); });
  if (entry.dtype == "F16") return converted<std::uint16_t>(entry, float_of_half);
  DRIFT_FAIL(kCheckpoint, "{}: tensor '{}' is {}; weights must be F32, F16, BF16 or F64", path_.string(), entry.name,
             entry.dtype);
}

std::optional<std::uint64_t> bytes_per_element(std::string_view dtype) {
  static constexpr std::array<std::pair<std::string_view, std::uint64_t>, 16> kSizes{{{"F32", 4},
                                                                                      {"F16", 2},
                                                                                      {"BF16", 2},
                                                                                      {"F64", 8},
                                                                                      {"I64", 8},
                                                                                      {"I32", 4},
                                                                                      {"I16", 2},
                                                                                      {"I8", 1},
                                                                                      {"U64", 8},
                                                                                      {"U32", 4},
                                                                                      {"U16", 2},
                                                                                      {"U8", 1},
                                                                                      {"BOOL", 1},
                                                                                      {"F8_E4M3", 1},
                                                                                      {"F8_E5M2", 1},
                                                                                      {"C64", 8}}};
  for (const auto& [name, bytes] : kSizes) {
    if (name == dtype) return bytes;
  }
  return std::nullopt;
}

std::vector<std::int64_t> dense_strides(std::span<const std::int64_t> shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::uint64_t stride = 1;  // where an extent is 0 it may be of any size
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = static_cast<std::int64_t>(stride);
    stride *= static_cast<std::uint64_t>(shape[axis]);
  }
  return strides;
}

std::string shape_text(std::span<const std::int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

}  // namespace drift
