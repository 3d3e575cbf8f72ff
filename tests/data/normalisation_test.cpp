// What pixels are normalised with: the numbers of each choice, and which of them a data set decides.
#include "data/normalisation.h"

#include <gtest/gtest.h>

#include "data/memory_dataset.h"
#include "data/open_data.h"
#include "tests/data/data_support.h"

namespace drift {
namespace {

Normalisation from(NormalisationSource source, const DataSource& data) {
  LoaderPool loading(2);
  return normalisation_from(source, data, loading);
}

using testing::contains;
using testing::message_of;

using Channels = std::array<float, 3>;

// Images of one pixel.
std::unique_ptr<Dataset> pixels(std::vector<std::uint8_t> bytes) {
  const std::vector<std::int32_t> labels(bytes.size() / 3);
  return std::make_unique<MemoryDataset>(Shape{1, 1, 3}, std::vector<std::string>{"class"}, std::move(bytes), labels);
}

DataSource data_of(std::vector<std::uint8_t> train) {
  return {.name = "pixels", .train = pixels(std::move(train)), .test = pixels({9, 9, 9}), .normalisation = {{1}, {2}}};
}

TEST(Normalisation, OfThePaperIsTheDataSetsOwn) {
  const Normalisation own = from(NormalisationSource::kPaper, data_of({1, 2, 3}));
  EXPECT_EQ(own.mean, (Channels{1}));
  EXPECT_EQ(own.std, (Channels{2}));
  const DataSource shapes = open_data("shapes:10:10", 1);
  EXPECT_EQ(shapes.normalisation.mean, (Channels{0.5f, 0.5f, 0.5f}));
  EXPECT_EQ(shapes.normalisation.std, (Channels{0.2f, 0.2f, 0.2f}));
}

TEST(Normalisation, OfPixelsIsTheirMeanAndDeviation) {
  // 0 and 255 in the first channel; 0, 0, 0 and 100 in the second; 51 and 153 in the third.
  const DataSource data = data_of({0, 0, 51, 255, 0, 153, 0, 0, 51, 255, 100, 153});
  const Normalisation of = from(NormalisationSource::kPixels, data);
  EXPECT_FLOAT_EQ(of.mean[0], 0.5f);
  EXPECT_FLOAT_EQ(of.std[0], 0.5f);
  EXPECT_FLOAT_EQ(of.mean[1], 25.0f / 255);
  EXPECT_FLOAT_EQ(of.std[1], 43.3012702f / 255);  // 100 sqrt(3) / 4
  EXPECT_FLOAT_EQ(of.mean[2], 0.4f);
  EXPECT_FLOAT_EQ(of.std[2], 0.2f);
}

TEST(Normalisation, PixelsWithoutSpreadAreRefused) {
  const DataSource data = data_of({0, 7, 51, 255, 7, 153});
  const std::string message = message_of(ErrorKind::kData, [&] { from(NormalisationSource::kPixels, data); });
  EXPECT_TRUE(contains(message, "in channel 1 of all 2 training images each pixel is 7/255")) << message;
  EXPECT_TRUE(contains(message, "ask for paper or imagenet")) << message;
}

TEST(Normalisation, OfImageNetIsTorchvisionsForAnySet) {
  for (const char* spec : {"shapes:10:10", "shapes:20:10"}) {
    const Normalisation of = from(NormalisationSource::kImagenet, open_data(spec, 1));
    EXPECT_EQ(of.mean, (Channels{0.485f, 0.456f, 0.406f}));
    EXPECT_EQ(of.std, (Channels{0.229f, 0.224f, 0.225f}));
  }
}

TEST(Normalisation, OfCifarIsGivenToAnySet) {
  const DataSource shapes = open_data("shapes:10:10", 1);
  EXPECT_EQ(from(NormalisationSource::kCifar10, shapes).std, (Channels{0.2023f, 0.1994f, 0.2010f}));
  EXPECT_EQ(from(NormalisationSource::kCifar100, shapes).mean, (Channels{0.5071f, 0.4865f, 0.4409f}));
}

// Golden: drawn images are the same everywhere, and so are sums of integers.
TEST(Normalisation, OfTheBuiltInImagesIsKnown) {
  const Normalisation of = from(NormalisationSource::kPixels, open_data("shapes:2000:10", 1));
  EXPECT_EQ(of.mean, (Channels{0.504298747f, 0.493408710f, 0.495641202f}));
  EXPECT_EQ(of.std, (Channels{0.198829919f, 0.199892238f, 0.197747722f}));
}

}  // namespace
}  // namespace drift
