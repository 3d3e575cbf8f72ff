#include "tests/golden/safetensors.h"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/check.h"

namespace drift::testing {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
std::vector<double> as_doubles(const char* bytes, std::size_t count) {
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
    values[i] = static_cast<double>(value);
  }
  return values;
}

std::vector<double> decode(const std::string& dtype, const char* bytes, std::size_t count) {
  if (dtype == "F32") return as_doubles<float>(bytes, count);
  if (dtype == "F64") return as_doubles<double>(bytes, count);
  if (dtype == "I32") return as_doubles<std::int32_t>(bytes, count);
  if (dtype == "U8") return as_doubles<std::uint8_t>(bytes, count);
  DRIFT_FAIL(kData, "golden files hold no {}", dtype);
}

std::size_t size_of_type(const std::string& dtype) {
  return dtype == "F64" ? 8 : dtype == "U8" ? 1 : 4;
}

Shape shape_of(const Json& extents) {
  switch (extents.size()) {
    case 1:
      return {extents[0]};
    case 2:
      return {extents[0], extents[1]};
    case 3:
      return {extents[0], extents[1], extents[2]};
    case 4:
      return {extents[0], extents[1], extents[2], extents[3]};
    default:
      DRIFT_FAIL(kData, "golden tensors have 1 to 4 axes, not {}", extents.size());
  }
}

}  // namespace

const reference::Array& GoldenFile::at(const std::string& name) const {
  const auto found = tensors.find(name);
  DRIFT_CHECK(kData, found != tensors.end(), "no tensor '{}' in the golden file", name);
  return found->second;
}

GoldenFile read_golden(const std::string& name) {
  const std::string path = std::filesystem::path(DRIFT_GOLDEN_DIRECTORY) / name;
  std::ifstream stream(path, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(stream), {}};
  DRIFT_CHECK(kData, content.size() > 8, "{}: cannot be read", path);
  std::uint64_t header_bytes;
  std::memcpy(&header_bytes, content.data(), sizeof header_bytes);
  DRIFT_CHECK(kData, header_bytes <= content.size() - 8, "{}: cut off", path);
  const char* const data = content.data() + 8 + header_bytes;
  const std::size_t data_bytes = content.size() - 8 - header_bytes;
  GoldenFile file;
  const Json header = Json::parse(content.substr(8, header_bytes));
  for (const auto& [key, entry] : header.items()) {
    if (key == "__metadata__") {
      file.metadata = entry.get<std::map<std::string, std::string>>();
      continue;
    }
    const std::string dtype = entry.at("dtype");
    const Shape shape = shape_of(entry.at("shape"));
    const std::size_t begin = entry.at("data_offsets")[0];
    const std::size_t end = begin + static_cast<std::size_t>(shape.elements()) * size_of_type(dtype);
    DRIFT_CHECK(kData, end == entry.at("data_offsets")[1] && end <= data_bytes, "{}: bad extent of '{}'", path, key);
    file.tensors[key] = {shape, decode(dtype, data + begin, static_cast<std::size_t>(shape.elements()))};
  }
  return file;
}

}  // namespace drift::testing
