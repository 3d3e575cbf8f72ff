#include "train/checkpoint/weight_file.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/atomic_file.h"
#include "core/check.h"
#include "core/text.h"
#include "train/checkpoint/file_tensors.h"
#include "train/checkpoint/safetensors.h"
#include "train/checkpoint/weight_format.h"
#include "train/checkpoint/weights_model.h"

namespace drift {
namespace {

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
  if (!tensor.is_convolution()) return values;
  const Shape& shape = tensor.parameter->shape();
  return transposed(values, shape[0], shape[1] * shape[2], shape[3]);
}

std::vector<float> from_file_layout(std::vector<float> values, const FileTensor& tensor) {
  if (!tensor.is_convolution()) return values;
  const Shape& shape = tensor.parameter->shape();
  return transposed(values, shape[0], shape[3], shape[1] * shape[2]);
}

// A line for each finding, broken where it is long: all of them, so that a foreign file is understood at once.
std::string listed(std::string_view finding, const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 1000, kShownOfName = 200, kColumns = 110;
  if (names.empty()) return "";
  std::string text, line = fmt::format("  {}", finding);
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    const std::string word = fmt::format(" {}{}", names[i].substr(0, kShownOfName), i + 1 < names.size() ? "," : "");
    if (line.size() + word.size() > kColumns) {
      text += "\n" + line;
      line = "   ";
    }
    line += word;
  }
  if (names.size() > kShown) line += fmt::format(" and {} more", names.size() - kShown);
  return text + "\n" + line;
}

// The file's entry for each tensor of the model. Throws with everything that does not fit, and with what would.
std::map<std::string_view, const TensorEntry*> matched(const TensorFile& file, const FileTensors& wanted,
                                                       const ModelOptions& options) {
  std::map<std::string_view, const TensorEntry*> found;
  std::vector<std::string> missing, unknown, wrong, twice;
  for (const TensorEntry& entry : file.entries()) {
    const std::string_view name = without_wrappers(entry.name);
    if (is_batch_count(name)) continue;
    auto tensor = wanted.find(name);
    if (tensor == wanted.end()) tensor = wanted.find(other_name(name));
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
  const std::string findings = listed("missing", missing) + listed("unknown", unknown) + listed("wrong shape", wrong) +
                               listed("with and without 'module.', or by two names", twice);
  if (!findings.empty()) {
    const std::string hint = model_hint(file, options);
    DRIFT_FAIL(kCheckpoint, "{}: does not fit the model:{}{}{}", file.path().string(), findings,
               hint.empty() ? "" : "\n", hint);
  }
  return found;
}

}  // namespace

void write_weights(OutputFile& file, const Model& model, Backend& backend) {
  std::vector<std::vector<float>> values;
  std::vector<NamedTensor> tensors;
  for (const auto& [name, tensor] : file_tensors_of(model.parameters)) {
    std::vector<float> host(static_cast<std::size_t>(tensor.view().elements()));
    backend.download(tensor.view(), host.data());
    values.push_back(to_file_layout(std::move(host), tensor));
    tensors.push_back({std::string(name), tensor.file_shape, values.back()});
  }
  write_safetensors(file, tensors, model_metadata(model.options));
}

void write_weights(const std::filesystem::path& path, const Model& model, Backend& backend) {
  OutputFile file(aside(path));
  write_weights(file, model, backend);
  file.finish();
  publish(path);
}

void read_weights(const std::filesystem::path& path, const Model& model, Backend& backend) {
  const TensorFile file = read_tensors(path);
  const FileTensors wanted = file_tensors_of(model.parameters);
  std::map<std::string_view, std::vector<float>> values;
  for (const auto& [name, entry] : matched(file, wanted, model.options)) {
    values.emplace(name, from_file_layout(file.floats(*entry), wanted.at(name)));
  }
  check_metadata(file, model.options);
  for (const auto& [name, tensor] : wanted) backend.upload(values.at(name).data(), tensor.view());
}

}  // namespace drift
