#include "train/checkpoint/safetensors.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/json_depth.h"

namespace drift {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr int kMaxHeaderDepth = 3;                      // {name: {shape: []}}

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

// A tensor with its bytes' place in the data.
struct Placed {
  TensorEntry entry;
  std::uint64_t begin = 0, end = 0;
};

Placed parse_tensor(const std::string& file, const std::string& name, const Json& tensor, std::uint64_t data_bytes) {
  const std::string where = fmt::format("{}: tensor '{}'", file, name);
  DRIFT_CHECK(kCheckpoint, tensor.is_object(), "{}: must be an object with dtype, shape and data_offsets", where);
  const auto dtype = tensor.find("dtype");
  DRIFT_CHECK(kCheckpoint, dtype != tensor.end() && dtype->is_string(), "{}: 'dtype' must be a string", where);
  TensorEntry entry{.name = name, .dtype = dtype->get<std::string>(), .shape = integers(where, tensor, "shape")};
  entry.strides = dense_strides(entry.shape);
  const std::optional<std::uint64_t> element_bytes = bytes_per_element(entry.dtype);
  DRIFT_CHECK(kCheckpoint, element_bytes.has_value(), "{}: unknown dtype '{}'", where, entry.dtype);

  const std::vector<std::int64_t> offsets = integers(where, tensor, "data_offsets");
  DRIFT_CHECK(kCheckpoint, offsets.size() == 2, "{}: 'data_offsets' must be [begin, end]", where);
  const auto begin = static_cast<std::uint64_t>(offsets[0]), end = static_cast<std::uint64_t>(offsets[1]);
  DRIFT_CHECK(kCheckpoint, begin <= end && end <= data_bytes,
              "{}: data_offsets [{}, {}] do not lie in the {} bytes of data", where, begin, end, data_bytes);

  std::uint64_t bytes = *element_bytes;
  bool overflow = false;
  for (const std::int64_t extent : entry.shape) {
    overflow |= __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes);
  }
  DRIFT_CHECK(kCheckpoint, !overflow && bytes == end - begin, "{}: {} {} needs {} bytes, data_offsets give {}", where,
              entry.dtype, shape_text(entry.shape), overflow ? "over 2^64" : std::to_string(bytes), end - begin);
  return {entry, begin, end};
}

std::vector<Placed> parse_tensors(const std::string& file, const Json& header, std::uint64_t data_bytes) {
  std::vector<Placed> tensors;
  for (const auto& [name, value] : header.items()) {
    if (name != "__metadata__") tensors.push_back(parse_tensor(file, name, value, data_bytes));
  }
  std::ranges::sort(tensors, {}, [](const Placed& tensor) { return std::pair(tensor.begin, tensor.end); });
  std::uint64_t position = 0;
  for (const Placed& tensor : tensors) {
    DRIFT_CHECK(kCheckpoint, tensor.begin == position, "{}: tensor '{}' begins at byte {} of the data, expected {}: {}",
                file, tensor.entry.name, tensor.begin, position,
                tensor.begin < position ? "tensors overlap" : "there is a hole");
    position = tensor.end;
  }
  DRIFT_CHECK(kCheckpoint, position == data_bytes, "{}: {} bytes of data, but the tensors end at {}", file, data_bytes,
              position);
  return tensors;
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

}  // namespace

TensorFile read_safetensors(const std::filesystem::path& path) {
  InputFile file(path);
  const std::string name = path.string();
  std::uint64_t header_bytes = 0;
  file.read(std::as_writable_bytes(std::span(&header_bytes, 1)), "the header's length");
  DRIFT_CHECK(kCheckpoint, header_bytes <= std::min(kMaxHeaderBytes, file.remaining()),
              "{}: truncated, or not a safetensors file: a header of {} bytes is announced, {} bytes follow", name,
              header_bytes, file.remaining());
  std::string text(header_bytes, '\0');
  file.read(std::as_writable_bytes(std::span(text)), "the header");
  const Json header = parse_header(name, text);
  DRIFT_CHECK(kCheckpoint, header.is_object(), "{}: not a safetensors file: its header is not a JSON object", name);
  const std::vector<Placed> placed = parse_tensors(name, header, file.remaining());
  std::vector<std::byte> data(file.remaining());
  file.read(data, "the data");
  std::vector<TensorEntry> entries;
  for (const Placed& tensor : placed) {
    entries.push_back(tensor.entry);
    entries.back().bytes = std::span(data).subspan(tensor.begin, tensor.end - tensor.begin);
  }
  TensorFile::Memory memory;
  memory.push_back(std::move(data));
  return {path, std::move(entries), std::move(memory), parse_metadata(header)};
}

void write_safetensors(OutputFile& file, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  // Some readers ask for the format: the layouts are PyTorch's.
  std::string text = R"({"__metadata__":{"format":"pt")";
  for (const auto& [key, value] : metadata) text += fmt::format(",{}:{}", Json(key).dump(), Json(value).dump());
  text += '}';
  std::unordered_set<std::string_view> names;
  std::uint64_t position = 0;
  for (const NamedTensor& tensor : tensors) {
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
  for (const NamedTensor& tensor : tensors) file.write(std::as_bytes(tensor.values));
}

}  // namespace drift
