#include "train/checkpoint/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "core/check.h"
#include "core/dtype.h"
#include "core/json_depth.h"

namespace drift {
namespace {

using Json = nlohmann::json;

static_assert(std::endian::native == std::endian::little, "safetensors data are used as they lie in the file");

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr int kMaxHeaderDepth = 3;                      // {name: {shape: []}}

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

// JSON lets a key appear twice, a header does not. Asked of the text: the library keeps one of them, and its callback
// looks through all of an object at the end of each of its values.
class UniqueKeys final : public nlohmann::json_sax<Json> {
 public:
  explicit UniqueKeys(const std::string& file) : file_(file) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool start_object(std::size_t) override {
    keys_.emplace_back();
    return true;
  }
  bool end_object() override {
    keys_.pop_back();
    return true;
  }
  bool key(string_t& name) override {
    DRIFT_CHECK(kCheckpoint, keys_.back().insert(name).second, "{}: '{}' appears twice in the header", file_, name);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const Json::exception& error) override {
    DRIFT_FAIL(kCheckpoint, "{}: not a safetensors file: its header is not JSON ({})", file_, error.what());
  }

 private:
  const std::string& file_;
  std::vector<std::unordered_set<std::string>> keys_;  // of the objects that are open
};

Json parse_header(const std::string& file, std::string_view text) {
  DRIFT_CHECK(kCheckpoint, json_depth(text) <= kMaxHeaderDepth, "{}: the header nests deeper than {} levels", file,
              kMaxHeaderDepth);
  UniqueKeys unique(file);
  Json::sax_parse(text, &unique);
  return Json::parse(text);
}

// A list of unsigned integers below 2^63.
std::vector<std::int64_t> integers(const std::string& where, const Json& tensor, const char* key) {
  const auto list = tensor.find(key);
  DRIFT_CHECK(kCheckpoint, list != tensor.end() && list->is_array(), "{}: '{}' must be a list of integers", where, key);
  std::vector<std::int64_t> result;
  for (const Json& number : *list) {
    DRIFT_CHECK(kCheckpoint, number.is_number_unsigned() && number.get<std::uint64_t>() <= INT64_MAX,
                "{}: '{}' holds {}, which is no integer in 0 .. 2^63-1", where, key, number.dump());
    result.push_back(number.get<std::int64_t>());
  }
  return result;
}

SafetensorsEntry parse_entry(const std::string& file, const std::string& name, const Json& tensor,
                             std::uint64_t data_bytes) {
  const std::string where = fmt::format("{}: tensor '{}'", file, name);
  DRIFT_CHECK(kCheckpoint, tensor.is_object(), "{}: must be an object with dtype, shape and data_offsets", where);
  const auto dtype = tensor.find("dtype");
  DRIFT_CHECK(kCheckpoint, dtype != tensor.end() && dtype->is_string(), "{}: 'dtype' must be a string", where);
  SafetensorsEntry entry{.name = name, .dtype = dtype->get<std::string>(), .shape = integers(where, tensor, "shape")};
  const std::optional<std::uint64_t> element_bytes = bytes_per_element(entry.dtype);
  DRIFT_CHECK(kCheckpoint, element_bytes.has_value(), "{}: unknown dtype '{}'", where, entry.dtype);

  const std::vector<std::int64_t> offsets = integers(where, tensor, "data_offsets");
  DRIFT_CHECK(kCheckpoint, offsets.size() == 2, "{}: 'data_offsets' must be [begin, end]", where);
  entry.begin = static_cast<std::uint64_t>(offsets[0]);
  entry.end = static_cast<std::uint64_t>(offsets[1]);
  DRIFT_CHECK(kCheckpoint, entry.begin <= entry.end && entry.end <= data_bytes,
              "{}: data_offsets [{}, {}] do not lie in the {} bytes of data", where, entry.begin, entry.end,
              data_bytes);

  std::uint64_t bytes = *element_bytes;
  bool overflow = false;
  for (const std::int64_t extent : entry.shape) {
    overflow |= __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes);
  }
  DRIFT_CHECK(kCheckpoint, !overflow && bytes == entry.end - entry.begin,
              "{}: {} {} needs {} bytes, data_offsets give {}", where, entry.dtype, shape_text(entry.shape),
              overflow ? "over 2^64" : std::to_string(bytes), entry.end - entry.begin);
  return entry;
}

std::vector<SafetensorsEntry> parse_entries(const std::string& file, const Json& header, std::uint64_t data_bytes) {
  std::vector<SafetensorsEntry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name != "__metadata__") entries.push_back(parse_entry(file, name, value, data_bytes));
  }
  std::ranges::sort(entries, {}, [](const SafetensorsEntry& entry) { return std::pair(entry.begin, entry.end); });
  std::uint64_t position = 0;
  for (const SafetensorsEntry& entry : entries) {
    DRIFT_CHECK(kCheckpoint, entry.begin == position, "{}: tensor '{}' begins at byte {} of the data, expected {}: {}",
                file, entry.name, entry.begin, position,
                entry.begin < position ? "tensors overlap" : "there is a hole");
    position = entry.end;
  }
  DRIFT_CHECK(kCheckpoint, position == data_bytes, "{}: {} bytes of data, but the tensors end at {}", file, data_bytes,
              position);
  return entries;
}

// What is no text there is nothing that we wrote, and ignored.
std::map<std::string, std::string> parse_metadata(const Json& header) {
  std::map<std::string, std::string> metadata;
  const auto found = header.find("__metadata__");
  if (found == header.end() || !found->is_object()) return metadata;
  for (const auto& [key, value] : found->items()) {
    if (value.is_string()) metadata[key] = value.get<std::string>();
  }
  return metadata;
}

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

// result[i] = convert(the i-th T at `data`).
template <class T, class Convert>
void convert_all(const std::byte* data, std::span<float> result, const Convert& convert) {
  for (std::size_t i = 0; i < result.size(); ++i) {
    T element;
    std::memcpy(&element, data + i * sizeof(T), sizeof(T));
    result[i] = convert(element);
  }
}

}  // namespace

std::string shape_text(std::span<const std::int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

SafetensorsFile::SafetensorsFile(std::filesystem::path path) : path_(std::move(path)) {
  InputFile file(path_);
  const std::string name = path_.string();
  std::uint64_t header_bytes = 0;
  file.read(std::as_writable_bytes(std::span(&header_bytes, 1)), "the header's length");
  DRIFT_CHECK(kCheckpoint, header_bytes <= std::min(kMaxHeaderBytes, file.remaining()),
              "{}: truncated, or not a safetensors file: a header of {} bytes is announced, {} bytes follow", name,
              header_bytes, file.remaining());
  std::string text(header_bytes, '\0');
  file.read(std::as_writable_bytes(std::span(text)), "the header");
  const Json header = parse_header(name, text);
  DRIFT_CHECK(kCheckpoint, header.is_object(), "{}: not a safetensors file: its header is not a JSON object", name);
  entries_ = parse_entries(name, header, file.remaining());
  metadata_ = parse_metadata(header);
  data_.resize(file.remaining());
  file.read(data_, "the data");
}

std::vector<float> SafetensorsFile::floats(const SafetensorsEntry& entry) const {
  const std::byte* data = data_.data() + entry.begin;
  std::vector<float> result;
  const auto count = [&](std::size_t element_bytes) { return (entry.end - entry.begin) / element_bytes; };
  if (entry.dtype == "F32") {
    result.resize(count(4));
    if (!result.empty()) std::memcpy(result.data(), data, entry.end - entry.begin);
  } else if (entry.dtype == "F64") {
    result.resize(count(8));
    convert_all<double>(data, result, [](double value) { return static_cast<float>(value); });
  } else if (entry.dtype == "BF16") {
    result.resize(count(2));
    convert_all<BFloat16>(data, result, [](BFloat16 value) { return to_float(value); });
  } else if (entry.dtype == "F16") {
    result.resize(count(2));
    convert_all<std::uint16_t>(data, result, float_of_half);
  } else {
    DRIFT_FAIL(kCheckpoint, "{}: tensor '{}' is {}; weights must be F32, F16, BF16 or F64", path_.string(), entry.name,
               entry.dtype);
  }
  return result;
}

void write_safetensors(OutputFile& file, std::span<const SafetensorsTensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  // Some readers ask for the format: the layouts are PyTorch's.
  std::string text = R"({"__metadata__":{"format":"pt")";
  for (const auto& [key, value] : metadata) text += fmt::format(",{}:{}", Json(key).dump(), Json(value).dump());
  text += '}';
  std::unordered_set<std::string_view> names;
  std::uint64_t position = 0;
  for (const SafetensorsTensor& tensor : tensors) {
    DRIFT_ASSERT(names.insert(tensor.name).second, "tensor '{}' is written twice", tensor.name);
    const std::uint64_t end = position + tensor.values.size_bytes();
    text += fmt::format(R"(,{}:{{"dtype":"F32","shape":{},"data_offsets":[{},{}]}})", Json(tensor.name).dump(),
                        shape_text(tensor.shape), position, end);
    position = end;
  }
  text += '}';
  text.append((8 - text.size() % 8) % 8, ' ');  // so that the data are aligned in memory-mapped files
  const std::uint64_t header_bytes = text.size();
  file.write(std::as_bytes(std::span(&header_bytes, 1)));
  file.write(text);
  for (const SafetensorsTensor& tensor : tensors) file.write(std::as_bytes(tensor.values));
}

}  // namespace drift
