#include "train/checkpoint/weight_format.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <vector>

#include "core/atomic_file.h"
#include "core/check.h"
#include "train/checkpoint/file_tensors.h"
#include "train/checkpoint/safetensors.h"
#include "train/checkpoint/torch_file.h"

namespace drift {
namespace {

struct Format {
  std::string_view ending;
  void (*write)(OutputFile& file, std::span<const NamedTensor> tensors,
                const std::map<std::string, std::string>& metadata);
};
constexpr std::array kFormats =
    std::to_array<Format>({{".safetensors", write_safetensors}, {".pt", write_torch_file}, {".pth", write_torch_file}});

const Format& format_of(const std::filesystem::path& path) {
  const auto found = std::ranges::find(kFormats, path.extension().string(), &Format::ending);
  DRIFT_CHECK(kUsage, found != kFormats.end(),
              "{}: the name must end in .safetensors, or in .pt or .pth for a file of PyTorch's", path.string());
  return *found;
}

std::string beginning_of(const std::filesystem::path& path) {
  InputFile file(path);
  std::string beginning(std::min<std::uint64_t>(file.size(), 512), '\0');
  file.read(std::as_writable_bytes(std::span(beginning)), "its beginning");
  return beginning;
}

// A safetensors file may begin with the same two bytes, of the length of its header, but is never so long.
bool begins_like_pickle(std::string_view beginning) {
  constexpr std::string_view kProtocols = "\2\3\4\5";
  return beginning.size() >= 8 && beginning[0] == '\x80' && kProtocols.find(beginning[1]) != std::string_view::npos &&
         beginning.substr(4, 4) != std::string_view("\0\0\0\0", 4);
}

}  // namespace

TensorFile read_tensors(const std::filesystem::path& path) {
  const std::string beginning = beginning_of(path);
  if (begins_like_torch_file(beginning)) return read_torch_file(path);
  DRIFT_CHECK(kCheckpoint, !begins_like_legacy_torch_file(beginning),
              "{}: of the format that PyTorch had before version 1.6. Save it anew with PyTorch 1.6 or later: "
              "torch.save(torch.load(FILE, map_location='cpu', weights_only=True), NEW_FILE)",
              path.string());
  DRIFT_CHECK(kCheckpoint, !begins_like_pickle(beginning),
              "{}: a pickle, but none of torch.save(): save its tensors with torch.save(), or as safetensors",
              path.string());
  return read_safetensors(path);
}

void check_weight_ending(const std::filesystem::path& path) {
  format_of(path);
}

Converted write_converted(const TensorFile& from, const std::filesystem::path& path) {
  const Format& format = format_of(path);
  const std::string file = from.path().string();
  std::vector<std::vector<float>> values;
  std::vector<NamedTensor> tensors;
  std::unordered_set<std::string_view> names;
  Converted converted;
  for (const TensorEntry& entry : from.entries()) {
    const std::string_view name = without_wrappers(entry.name);
    if (is_batch_count(name)) continue;
    DRIFT_CHECK(kCheckpoint, names.insert(name).second, "{}: tensor '{}' is there with and without 'module.'", file,
                name);
    values.push_back(from.floats(entry));
    tensors.push_back({std::string(name), entry.shape, values.back()});
    ++converted.tensors;
    converted.elements += values.back().size();
  }
  DRIFT_CHECK(kCheckpoint, !tensors.empty(), "{}: has no tensors", file);
  std::map<std::string, std::string> metadata = from.metadata();
  metadata.erase("format");  // which each format says by itself
  OutputFile output(aside(path));
  format.write(output, tensors, metadata);
  output.finish();
  publish(path);
  return converted;
}

}  // namespace drift
