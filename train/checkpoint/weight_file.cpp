#include "train/checkpoint/weight_file.h"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/atomic_file.h"
#include "core/check.h"
#include "core/text.h"
#include "train/checkpoint/safetensors.h"

namespace drift {
namespace {

// One tensor of the model and how its file form differs. Convolution weights [O,k,k,I] are [O,I,k,k] in the file: O
// matrices, each transposed from [k*k, I]. All else is the same in both.
struct FileTensor {
  TensorView view;
  std::vector<std::int64_t> file_shape;
  bool is_convolution = false;
};

std::map<std::string_view, FileTensor> file_tensors_of(const ParameterSet& model) {
  std::map<std::string_view, FileTensor> wanted;
  const auto add = [&](const std::string& name, const Shape& shape, const TensorView& view, bool is_convolution) {
    FileTensor tensor{view, {}, is_convolution};
    if (is_convolution) {
      tensor.file_shape = {shape[0], shape[3], shape[1], shape[2]};
    } else {
      for (int axis = 0; axis < shape.rank(); ++axis) tensor.file_shape.push_back(shape[axis]);
    }
    wanted.emplace(name, std::move(tensor));
  };
  for (const Parameter* parameter : model.parameters()) {
    add(parameter->name(), parameter->shape(), parameter->value(), parameter->role() == ParameterRole::kConvWeight);
  }
  for (const Buffer* buffer : model.buffer_list()) add(buffer->name(), buffer->shape(), buffer->value(), false);
  return wanted;
}

// `count` matrices [rows, columns], each transposed.
std::vector<float> transposed(const std::vector<float>& matrices, std::int64_t count, std::int64_t rows,
                              std::int64_t columns) {
  std::vector<float> result(matrices.size());
  for (std::int64_t matrix = 0; matrix < count; ++matrix) {
    const float* from = matrices.data() + matrix * rows * columns;
    float* to = result.data() + matrix * rows * columns;
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t column = 0; column < columns; ++column) to[column * rows + row] = from[row * columns + column];
    }
  }
  return result;
}

std::vector<float> to_file_layout(std::vector<float> values, const FileTensor& tensor) {
  if (!tensor.is_convolution) return values;
  const Shape& shape = tensor.view.shape;
  return transposed(values, shape[0], shape[1] * shape[2], shape[3]);
}

std::vector<float> from_file_layout(std::vector<float> values, const FileTensor& tensor) {
  if (!tensor.is_convolution) return values;
  const Shape& shape = tensor.view.shape;
  return transposed(values, shape[0], shape[3], shape[1] * shape[2]);
}

// "missing a, b, c and 5 more; " or nothing.
std::string listed(std::string_view finding, const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 4;
  if (names.empty()) return "";
  const std::size_t shown = std::min(names.size(), kShown);
  std::string text = fmt::format("{} {}", finding, joined(std::span(names).first(shown)));
  if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
  return text + "; ";
}

std::string_view model_name(std::string_view file_name) {
  constexpr std::string_view kPrefix = "module.";
  return file_name.starts_with(kPrefix) ? file_name.substr(kPrefix.size()) : file_name;
}

// The file's entry for each tensor of the model. Throws with everything that does not fit.
std::map<std::string_view, const SafetensorsEntry*> matched(const SafetensorsFile& file,
                                                            const std::map<std::string_view, FileTensor>& wanted) {
  std::map<std::string_view, const SafetensorsEntry*> found;
  std::vector<std::string> missing, unknown, wrong, twice;
  for (const SafetensorsEntry& entry : file.entries()) {
    const std::string_view name = model_name(entry.name);
    if (name.ends_with("num_batches_tracked")) continue;
    const auto tensor = wanted.find(name);
    if (tensor == wanted.end()) {
      unknown.push_back(entry.name);
    } else if (!found.emplace(tensor->first, &entry).second) {
      twice.push_back(entry.name);
    } else if (entry.shape != tensor->second.file_shape) {
      wrong.push_back(fmt::format("{} {} (the model's is {})", entry.name, shape_text(entry.shape),
                                  shape_text(tensor->second.file_shape)));
    }
  }
  for (const auto& [name, tensor] : wanted) {
    if (!found.contains(name)) missing.emplace_back(name);
  }
  std::string findings = listed("missing", missing) + listed("unknown", unknown) + listed("wrong shape", wrong) +
                         listed("with and without 'module.'", twice);
  if (!findings.empty()) {
    findings.resize(findings.size() - 2);
    DRIFT_FAIL(kCheckpoint, "{}: does not fit the model: {}", file.path().string(), findings);
  }
  return found;
}

}  // namespace

void write_weights(OutputFile& file, const ParameterSet& model, Backend& backend) {
  std::vector<std::vector<float>> values;
  std::vector<SafetensorsTensor> tensors;
  for (const auto& [name, tensor] : file_tensors_of(model)) {
    std::vector<float> host(static_cast<std::size_t>(tensor.view.elements()));
    backend.download(tensor.view, host.data());
    values.push_back(to_file_layout(std::move(host), tensor));
    tensors.push_back({std::string(name), tensor.file_shape, values.back()});
  }
  write_safetensors(file, tensors);
}

void write_weights(const std::filesystem::path& path, const ParameterSet& model, Backend& backend) {
  OutputFile file(aside(path));
  write_weights(file, model, backend);
  file.finish();
  publish(path);
}

void read_weights(const std::filesystem::path& path, const ParameterSet& model, Backend& backend) {
  const SafetensorsFile file(path);
  const std::map<std::string_view, FileTensor> wanted = file_tensors_of(model);
  std::map<std::string_view, std::vector<float>> values;
  for (const auto& [name, entry] : matched(file, wanted)) {
    values.emplace(name, from_file_layout(file.floats(*entry), wanted.at(name)));
  }
  for (const auto& [name, tensor] : wanted) backend.upload(values.at(name).data(), tensor.view);
}

}  // namespace drift
