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
#include "data/packed_source.h"
#include "data/shapes.h"
#include "data/synthetic.h"

namespace drift {
namespace {

constexpr std::string_view kShapesUsage = "shapes[:TRAIN_SIZE[:TEST_SIZE]]";
constexpr std::string_view kSyntheticUsage = "synthetic:SIDE[:CLASSES]";

// Numbers of a spec, "FIRST[:SECOND]".
class SpecNumbers {
 public:
  SpecNumbers(std::string_view text, std::string_view spec, std::string_view usage)
      : text_(text), spec_(spec), usage_(usage) {}

  // The next one, which is `what`; without it the default.
  std::int64_t take(std::string_view what, std::int64_t most, std::optional<std::int64_t> by_default = std::nullopt) {
    if (ended_ && by_default) return *by_default;
    const std::size_t colon = text_.find(':');
    const std::string_view word = text_.substr(0, colon);
    const std::optional<std::int64_t> number = parse_integer(word);
    DRIFT_CHECK(kUsage, number && *number >= 1 && *number <= most,
                "--data {}: '{}' is not {} from 1 to {}; expected {}", spec_, word, what, most, usage_);
    ended_ = colon == std::string_view::npos;
    text_ = ended_ ? std::string_view{} : text_.substr(colon + 1);
    return *number;
  }
  void end() const { DRIFT_CHECK(kUsage, ended_, "--data {}: '{}' is too much; expected {}", spec_, text_, usage_); }

 private:
  std::string_view text_, spec_, usage_;
  bool ended_ = false;
};

DataSource open_shapes_spec(std::string_view sizes, std::string_view spec, std::uint64_t seed) {
  SpecNumbers numbers(sizes, spec, kShapesUsage);
  const std::int64_t train_size = numbers.take("a number of images", kShapesSizeMax);
  const std::int64_t test_size = numbers.take("a number of images", kShapesSizeMax, kShapesTestSize);
  numbers.end();
  return open_shapes(train_size, test_size, seed);
}

DataSource open_synthetic_spec(std::string_view sizes, std::string_view spec, std::uint64_t seed) {
  SpecNumbers numbers(sizes, spec, kSyntheticUsage);
  const std::int64_t side = numbers.take("a number of pixels", kSyntheticSideMax);
  const std::int64_t classes = numbers.take("a number of classes", kSyntheticClassesMax, kSyntheticClasses);
  numbers.end();
  return open_synthetic(side, classes, seed);
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

constexpr std::array<std::string_view, 4> kDirectoryKinds = {"cifar10", "cifar100", "imagefolder", "packed"};

bool is_directory_kind(std::string_view kind) {
  return std::ranges::find(kDirectoryKinds, kind) != kDirectoryKinds.end();
}

ImageSources open_image_folder(const std::filesystem::path& directory) {
  ImageFolder folder = list_image_folder(directory);
  const auto source = [&](ImageFolderSplit& split) {
    if (split.ignored > 0) {
      log_warning("{}: {} files are not called like images: ignored", split.directory.string(), split.ignored);
    }
    return std::make_unique<FolderSource>(std::move(split), folder.class_names);
  };
  return {source(folder.train), source(folder.val)};
}

ImageSources open_packed(const std::filesystem::path& directory) {
  ImageSources sources{std::make_unique<PackedSource>(directory / kPackedTrain),
                       std::make_unique<PackedSource>(directory / kPackedVal)};
  DRIFT_CHECK(kData, std::ranges::equal(sources.train->class_names(), sources.val->class_names()),
              "{}: {} has {} classes, and {} has {} or others", directory.string(), kPackedTrain,
              sources.train->class_names().size(), kPackedVal, sources.val->class_names().size());
  return sources;
}

bool is_image_kind(std::string_view kind) {
  return kind == "imagefolder" || kind == "packed";
}

DataSource open_images(std::string_view spec, const ImageOptions& options) {
  const OutputSizes sizes = output_sizes(options);
  ImageSources sources = open_image_sources(spec);
  const auto dataset = [&](std::unique_ptr<const Source> source) {
    return std::make_unique<ImageDataset>(std::move(source), sizes, options.bad_images);
  };
  return {std::string(parts_of(spec).kind), dataset(std::move(sources.train)), dataset(std::move(sources.val)),
          kImagenetNormalisation};
}

std::string_view directory_of(const Parts& parts, std::string_view spec) {
  DRIFT_CHECK(kUsage, !parts.argument.empty(), "--data {}: where are its files? Expected {}:DIR", spec, parts.kind);
  return parts.argument;
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
  if (kind == "synthetic") return in_memory(open_synthetic_spec(argument, spec, seed), spec, images);
  if (is_directory_kind(kind)) {
    if (is_image_kind(kind)) return open_images(spec, images);
    const std::filesystem::path directory = directory_of(parts_of(spec), spec);
    return in_memory(kind == "cifar10" ? open_cifar10(directory) : open_cifar100(directory), spec, images);
  }
  std::vector<std::string> kinds(kDirectoryKinds.begin(), kDirectoryKinds.end());
  kinds.insert(kinds.end(), {"shapes", "synthetic"});
  DRIFT_FAIL(kUsage, "--data {}: unknown data set '{}'.{} There are: {}:DIR, {}, {}", spec, kind,
             did_you_mean(kind, kinds), fmt::join(kDirectoryKinds, ":DIR, "), kShapesUsage, kSyntheticUsage);
}

OutputSizes output_sizes(const ImageOptions& options) {
  OutputSizes sizes;
  if (options.side != 0) sizes = {.side = options.side, .short_side = (8 * options.side + 3) / 7};
  if (options.short_side != 0) sizes.short_side = options.short_side;
  DRIFT_CHECK(kUsage, sizes.short_side >= sizes.side,
              "--eval-resize {} is less than --image-size {}, which is cut out of it", sizes.short_side, sizes.side);
  return sizes;
}

bool has_image_files(std::string_view spec) {
  return is_image_kind(parts_of(spec).kind);
}

ImageSources open_image_sources(std::string_view spec) {
  const Parts parts = parts_of(spec);
  DRIFT_CHECK(kUsage, is_image_kind(parts.kind), "{}: has no image files: expected imagefolder:DIR or packed:DIR",
              spec);
  const std::filesystem::path directory = directory_of(parts, spec);
  return parts.kind == "packed" ? open_packed(directory) : open_image_folder(directory);
}

std::string_view data_directory(std::string_view spec) {
  const Parts parts = parts_of(spec);
  return is_directory_kind(parts.kind) ? parts.argument : std::string_view{};
}

}  // namespace drift
