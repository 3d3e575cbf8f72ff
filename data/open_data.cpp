#include "data/open_data.h"

#include "core/check.h"
#include "core/text.h"
#include "data/cifar.h"
#include "data/shapes.h"

namespace drift {
namespace {

constexpr std::string_view kShapesUsage = "shapes[:TRAIN_SIZE[:TEST_SIZE]]";

std::int64_t parse_size(std::string_view text, std::string_view spec) {
  const std::optional<std::int64_t> size = parse_integer(text);
  DRIFT_CHECK(kUsage, size && *size >= 1 && *size <= kShapesSizeMax,
              "--data {}: '{}' is not a number of images from 1 to {}; expected {}", spec, text, kShapesSizeMax,
              kShapesUsage);
  return *size;
}

DataSource open_shapes_spec(std::string_view sizes, std::string_view spec, std::uint64_t seed) {
  const std::size_t colon = sizes.find(':');
  const bool has_test_size = colon != std::string_view::npos;
  const std::int64_t train_size = parse_size(sizes.substr(0, colon), spec);
  const std::int64_t test_size = has_test_size ? parse_size(sizes.substr(colon + 1), spec) : kShapesTestSize;
  return open_shapes(train_size, test_size, seed);
}

// KIND or KIND:ARGUMENT
struct Parts {
  std::string_view kind, argument;
  bool has_argument;
};

Parts parts_of(std::string_view spec) {
  const std::size_t colon = spec.find(':');
  const bool has_argument = colon != std::string_view::npos;
  return {spec.substr(0, colon), has_argument ? spec.substr(colon + 1) : std::string_view{}, has_argument};
}

bool is_directory_kind(std::string_view kind) {
  return kind == "cifar10" || kind == "cifar100";
}

}  // namespace

DataSource open_data(std::string_view spec, std::uint64_t seed) {
  const auto [kind, argument, has_argument] = parts_of(spec);
  if (kind == "shapes") {
    return has_argument ? open_shapes_spec(argument, spec, seed) : open_shapes(kShapesTrainSize, kShapesTestSize, seed);
  }
  if (is_directory_kind(kind)) {
    DRIFT_CHECK(kUsage, !argument.empty(), "--data {}: where are its files? Expected {}:DIR", spec, kind);
    return kind == "cifar10" ? open_cifar10(argument) : open_cifar100(argument);
  }
  const std::vector<std::string> kinds{"cifar10", "cifar100", "shapes"};
  DRIFT_FAIL(kUsage, "--data {}: unknown data set '{}'.{} There are: cifar10:DIR, cifar100:DIR, {}", spec, kind,
             did_you_mean(kind, kinds), kShapesUsage);
}

std::string_view data_directory(std::string_view spec) {
  const Parts parts = parts_of(spec);
  return is_directory_kind(parts.kind) ? parts.argument : std::string_view{};
}

}  // namespace drift
