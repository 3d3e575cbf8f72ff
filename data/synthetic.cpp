#include "data/synthetic.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <utility>

#include "core/check.h"
#include "core/checked_file.h"
#include "core/rng.h"
#include "data/normalisation.h"

namespace drift {
namespace {

using Pictures = std::vector<std::uint8_t>;  // [kSyntheticPictures,side,side,3]

class SyntheticDataset final : public Dataset {
 public:
  SyntheticDataset(std::int64_t size, std::int64_t side, std::vector<std::string> class_names,
                   std::shared_ptr<const Pictures> pictures)
      : size_(size), side_(side), class_names_(std::move(class_names)), pictures_(std::move(pictures)) {}

  std::int64_t size() const override { return size_; }
  Shape image_shape() const override { return {side_, side_, 3}; }
  std::span<const std::string> class_names() const override { return class_names_; }
  std::int32_t label(std::int64_t index) const override { return static_cast<std::int32_t>(index % classes()); }
  bool in_memory() const override { return true; }

  bool read_image(std::int64_t index, std::span<std::uint8_t> image) const override {
    const std::int64_t bytes = image_shape().elements();
    DRIFT_ASSERT(index >= 0 && index < size_ && std::ssize(image) == bytes, "image {} of {} into {} bytes", index,
                 size_, image.size());
    std::copy_n(pictures_->begin() + index % kSyntheticPictures * bytes, bytes, image.begin());
    return true;
  }

  void identify(RunningDigest& digest) const override { digest.add(std::as_bytes(std::span(*pictures_))); }

 private:
  std::int64_t size_, side_;
  std::vector<std::string> class_names_;
  std::shared_ptr<const Pictures> pictures_;
};

}  // namespace

DataSource open_synthetic(std::int64_t side, std::int64_t classes, std::uint64_t seed) {
  DRIFT_ASSERT(side >= 1 && side <= kSyntheticSideMax && classes >= 1 && classes <= kSyntheticClassesMax,
               "side {}, {} classes", side, classes);
  std::vector<std::string> class_names;
  for (std::int64_t c = 0; c < classes; ++c) class_names.push_back(fmt::format("{}", c));
  const Rng rng(seed, stream_id(Purpose::kImages));
  auto pictures = std::make_shared<Pictures>(static_cast<std::size_t>(kSyntheticPictures * side * side * 3));
  for (std::size_t i = 0; i < pictures->size(); i += 4) {  // of 64 pictures there is no part of a word
    const std::uint32_t word = rng.bits(i / 4);
    std::memcpy(pictures->data() + i, &word, sizeof word);
  }
  const auto dataset = [&](std::int64_t size) {
    return std::make_unique<SyntheticDataset>(size, side, class_names, pictures);
  };
  return {"synthetic", dataset(kSyntheticTrainSize), dataset(kSyntheticTestSize), kImagenetNormalisation};
}

}  // namespace drift
