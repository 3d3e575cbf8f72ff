// See registry.h.
#include "models/registry.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "core/check.h"
#include "core/text.h"
#include "models/cifar/resnet.h"
#include "models/cifar/vgg.h"
#include "models/imagenet/resnet.h"

namespace drift {
namespace {

const Shape kCifarImage{32, 32, 3}, kImageNetImage{224, 224, 3};

struct Row {
  std::string name;
  Shape input;
  // Every network takes `classes`; `norm` and `groups` only those with nothing here. Others say what they have instead.
  std::string_view fixed_norm;
  const ImageNetResNet* torchvision = nullptr;  // these take `zero_init_residual`, and with bottlenecks `resnet_v1`
  std::function<std::unique_ptr<Module>(ParameterSet&, const ModelOptions&)> make;
};

Row cifar_resnet(std::string name, std::int64_t depth) {
  return {std::move(name), kCifarImage, "", nullptr,
          [depth](ParameterSet& set, const ModelOptions& options) { return make_cifar_resnet(set, options, depth); }};
}

Row imagenet_resnet(const ImageNetResNet& form) {
  return {fmt::format("resnet{}", form.depth), kImageNetImage, "norm 'batch' alone", &form,
          [&form](ParameterSet& set, const ModelOptions& options) { return make_imagenet_resnet(set, options, form); }};
}

std::vector<Row> make_rows() {
  std::vector<Row> rows;
  for (const int depth : {20, 32, 44, 56, 110}) rows.push_back(cifar_resnet(fmt::format("resnet{}", depth), depth));
  for (const ImageNetResNet& form : kImageNetResNets) rows.push_back(imagenet_resnet(form));
  rows.push_back({"vgg16", kCifarImage, "no normalisation", nullptr, make_cifar_vgg16});
  return rows;
}

const std::vector<Row>& rows() {
  static const std::vector<Row> kRows = make_rows();
  return kRows;
}

constexpr std::string_view kCifarResNet = "cifar-resnet";
constexpr std::int64_t kShallowest = 8, kDeepest = 6002;  // of these; 6n+2

// "cifar-resnet56" -> 56 for prefix "cifar-resnet"; nothing for a name of another form.
std::optional<std::int64_t> depth_of(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  const std::string_view digits = name.substr(prefix.size());
  const std::optional<std::int64_t> depth = parse_integer(digits);
  return depth && digits == std::to_string(*depth) ? depth : std::nullopt;
}

std::int64_t nearest_cifar_depth(std::int64_t depth) {
  return (std::clamp(depth, kShallowest, kDeepest) + 1) / 6 * 6 + 2;
}

[[noreturn]] void fail_unknown(const std::string& name) {
  const std::vector<std::string> names = model_names();
  const std::string list = fmt::format("Models: {}, and {}D, a CIFAR ResNet, for any depth D = 6n+2 from {} on",
                                       joined(names), kCifarResNet, kShallowest);
  const std::optional<std::int64_t> depth = depth_of(name, "resnet");
  if (depth && *depth == nearest_cifar_depth(*depth)) {
    DRIFT_FAIL(kConfig, "there is no model '{}'. Did you mean '{}{}'? {}", name, kCifarResNet, *depth, list);
  }
  DRIFT_FAIL(kConfig, "there is no model '{}'.{} {}", name, did_you_mean(name, names), list);
}

Row row_of(const std::string& name) {
  const auto row = std::ranges::find(rows(), name, &Row::name);
  if (row != rows().end()) return *row;
  const std::optional<std::int64_t> depth = depth_of(name, kCifarResNet);
  if (!depth) fail_unknown(name);
  const std::int64_t nearest = nearest_cifar_depth(*depth);
  DRIFT_CHECK(kConfig, *depth == nearest, "{}: a CIFAR ResNet has 6n+2 layers, {} to {}. Did you mean '{}{}'?", name,
              kShallowest, kDeepest, kCifarResNet, nearest);
  return cifar_resnet(name, *depth);
}

void check_options(const Row& row, const ModelOptions& options) {
  DRIFT_CHECK(kConfig, options.classes >= 2, "{}: a classifier needs at least 2 classes, got {}", options.name,
              options.classes);
  const ModelOptions defaults;
  DRIFT_CHECK(kConfig, row.fixed_norm.empty() || (options.norm == defaults.norm && options.groups == defaults.groups),
              "{} has {}, yet norm '{}' with {} groups was asked for; CIFAR ResNets can choose", options.name,
              row.fixed_norm, options.norm, options.groups);
  DRIFT_CHECK(kConfig, !options.resnet_v1 || (row.torchvision != nullptr && row.torchvision->bottlenecks),
              "--resnet-v1 moves the strides of bottlenecks, and {} has none; resnet50, resnet101 and resnet152 do",
              options.name);
  DRIFT_CHECK(kConfig, !options.zero_init_residual || row.torchvision != nullptr,
              "--zero-init-residual is of torchvision's ResNets (18, 34, 50, 101, 152), and {} is none of them",
              options.name);
}

}  // namespace

std::unique_ptr<Model> make_model(const ModelOptions& options) {
  const Row row = row_of(options.name);
  check_options(row, options);
  auto model = std::make_unique<Model>();
  model->options = options;
  model->input = row.input;
  model->network = row.make(model->parameters, options);
  return model;
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const Row& row : rows()) names.push_back(row.name);
  return names;
}

}  // namespace drift
