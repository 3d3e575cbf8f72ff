#include "data/open_data.h"

#include <algorithm>
#include <array>
#include <fmt/ranges.h>
#include <utility>

#include "core/check.h"
#include "core/log.h"
#include "core/text.h"
#include "data/cifar.h"
#include "data/folder_source.h"
#include "data/normalisation.h"
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

constexpr std::array<std::string_view, 3> kDirectoryKinds = {"cifar10", "cifar100", "imagefolder"};

bool is_directory_kind(std::string_view kind) {
  return std::ranges::find(kDirectoryKinds, kind) != kDirectoryKinds.end();
}

OutputSizes sizes_from(const ImageOptions& options) {
  OutputSizes sizes;
  if (options.side != 0) sizes = {.side = options.side, .short_side = (8 * options.side + 3) / 7};
  if (options.short_side != 0) sizes.short_side = options.short_side;
  DRIFT_CHECK(kUsage, sizes.short_side >= sizes.side,
              "--eval-resize {} is less than --image-size {}, which is cut out of it", sizes.short_side, sizes.side);
  return sizes;
}

DataSource open_image_folder(const std::filesystem::path& directory, const ImageOptions& options) {
  const OutputSizes sizes = sizes_from(options);
  ImageFolder folder = list_image_folder(directory);
  const auto dataset = [&](ImageFolderSplit& split) {
    if (split.ignored > 0) {
      log_warning("{}: {} files are not called like images: ignored", split.directory.string(), split.ignored);
    }
    return std::make_unique<ImageDataset>(std::make_unique<FolderSource>(std::move(split), folder.class_names), sizes,
                                          options.bad_images);
  };
  auto train = dataset(folder.train);
  return {"imagefolder", std::move(train), dataset(folder.val), kImagenetNormalisation};
}

DataSource in_memory(DataSource data, std::string_view spec, const ImageOptions& options) {
  const std::int64_t side = data.train->image_shape()[0];
  DRIFT_CHECK(kUsage, (options.side == 0 || options.side == side) && options.short_side == 0,
              "--data {} has images of {}x{}: --image-size and --eval-resize are for those that are decoded", spec,
              side, side);
  return data;
}

}  // namespace

DataSource open_data(std::string_view spec, std::uint64_t seed, const ImageOptions& images) {
  const auto [kind, argument, has_argument] = parts_of(spec);
  if (kind == "shapes") {
    return in_memory(
        has_argument ? open_shapes_spec(argument, spec, seed) : open_shapes(kShapesTrainSize, kShapesTestSize, seed),
        spec, images);
  }
  if (is_directory_kind(kind)) {
    DRIFT_CHECK(kUsage, !argument.empty(), "--data {}: where are its files? Expected {}:DIR", spec, kind);
    if (kind == "imagefolder") return open_image_folder(argument, images);
    return in_memory(kind == "cifar10" ? open_cifar10(argument) : open_cifar100(argument), spec, images);
  }
  std::vector<std::string> kinds(kDirectoryKinds.begin(), kDirectoryKinds.end());
  kinds.emplace_back("shapes");
  DRIFT_FAIL(kUsage, "--data {}: unknown data set '{}'.{} There are: {}:DIR, {}", spec, kind, did_you_mean(kind, kinds),
             fmt::join(kDirectoryKinds, ":DIR, "), kShapesUsage);
}

std::string_view data_directory(std::string_view spec) {
  const Parts parts = parts_of(spec);
  return is_directory_kind(parts.kind) ? parts.argument : std::string_view{};
}

}  // namespace drift
