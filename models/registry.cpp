// See registry.h.
#include "models/registry.h"

#include <charconv>
#include <optional>

#include "core/check.h"
#include "core/text.h"
#include "models/resnet_cifar.h"
#include "models/resnet_imagenet.h"
#include "models/vgg.h"

namespace drift {
namespace {

// "resnet56" -> 56; nothing for a name of another form.
std::optional<std::int64_t> resnet_depth(std::string_view name) {
  constexpr std::string_view kPrefix = "resnet";
  constexpr std::size_t kMaxDigits = 4;
  if (!name.starts_with(kPrefix) || name.size() > kPrefix.size() + kMaxDigits) return std::nullopt;
  const std::string_view digits = name.substr(kPrefix.size());
  std::int64_t depth = 0;
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), depth);
  if (status != std::errc{} || end != digits.data() + digits.size() || depth < 0) return std::nullopt;
  return depth;
}

}  // namespace

std::unique_ptr<Model> make_model(const ModelOptions& options) {
  DRIFT_CHECK(kConfig, options.classes >= 2, "{}: a classifier needs at least 2 classes, got {}", options.name,
              options.classes);
  if (options.name == "vgg16") return make_vgg16(options);
  if (options.name == "resnet50") return make_resnet50(options);
  if (const std::optional<std::int64_t> depth = resnet_depth(options.name)) return make_resnet_cifar(options, *depth);
  const std::vector<std::string> names = model_names();
  DRIFT_FAIL(kConfig, "there is no model '{}'.{} Models: {}, and resnetD, a CIFAR ResNet, for any other depth D = 6n+2",
             options.name, did_you_mean(options.name, names), joined(names));
}

std::vector<std::string> model_names() {
  return {"resnet20", "resnet32", "resnet44", "resnet56", "resnet110", "resnet50", "vgg16"};
}

}  // namespace drift
