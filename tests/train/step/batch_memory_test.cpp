// A batch on the device: the same addresses each time, images or indices, crops only where there are some.
#include "train/step/batch_memory.h"

#include <cstring>
#include <gtest/gtest.h>

#include "core/check.h"
#include "kernels/observed/forwarding_backend.h"
#include "tests/train/toy_run.h"

namespace drift {
namespace {

class BatchMemoryTest : public ::testing::Test {
 protected:
  Batch batch_of(std::size_t n, bool crops) const {
    Batch batch;
    for (std::size_t i = 0; i < n; ++i) {
      batch.indices.push_back(static_cast<std::int64_t>(n - i));
      batch.labels.push_back(static_cast<std::int32_t>(i));
      if (crops) batch.crops.push_back({.dy = static_cast<std::int8_t>(i), .dx = 1, .flip = 1});
    }
    batch.images.assign(n * static_cast<std::size_t>(kImage.elements()), 7);
    return batch;
  }

  const Shape kImage{8, 8, 3};
  std::unique_ptr<Stream> stream_ = make_stream(Device{}, 1);
  std::unique_ptr<Backend> backend_ = make_backend(*stream_);
};

TEST_F(BatchMemoryTest, KeepsItsAddressesFromBatchToBatch) {
  BatchMemory memory(Device{}, kImage, 4);
  const DeviceBatch first = memory.upload(batch_of(4, true), *backend_);
  const DeviceBatch second = memory.upload(batch_of(3, true), *backend_);
  EXPECT_EQ(first.images.data, second.images.data);
  EXPECT_EQ(first.labels.data, second.labels.data);
  EXPECT_EQ(first.crops.data, second.crops.data);
  EXPECT_EQ(second.images.shape, (Shape{3, 8, 8, 3}));
  EXPECT_FALSE(second.indices);
  EXPECT_EQ(second.labels.as<std::int32_t>()[2], 2);
  EXPECT_EQ(second.crops.as<Crop>()[2].dy, 2);
}

TEST_F(BatchMemoryTest, HasNoCropsWhereTheBatchHasNone) {
  BatchMemory memory(Device{}, kImage, 4);
  EXPECT_FALSE(memory.upload(batch_of(4, false), *backend_).crops);
}

TEST_F(BatchMemoryTest, ResidentImagesAreReadByIndex) {
  const DataSource data = testing::toy_data(10);
  ResidentImages resident(*data.train, Device{});
  resident.upload(*data.train, *backend_);
  std::vector<std::uint8_t> image(static_cast<std::size_t>(kImage.elements()));
  data.train->read_image(6, image);
  EXPECT_EQ(std::memcmp(resident.view().as<std::uint8_t>() + 6 * kImage.elements(), image.data(), image.size()), 0);

  BatchMemory memory(Device{}, kImage, 4, &resident);
  Batch batch = batch_of(3, true);
  batch.images.clear();
  const DeviceBatch on_device = memory.upload(batch, *backend_);
  EXPECT_EQ(on_device.images.data, resident.view().data);
  EXPECT_EQ(on_device.indices.shape, Shape{3});
  EXPECT_EQ(on_device.indices.as<std::int32_t>()[0], 3);
}

// Counts copies to the device.
class CountingBackend final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  void run(const Op& op) override {
    uploads += std::holds_alternative<Upload>(op) ? 1 : 0;
    inner().run(op);
  }
  int uploads = 0;
};

TEST_F(BatchMemoryTest, OneCopyBringsAllButTheImages) {
  const DataSource data = testing::toy_data(10);
  ResidentImages resident(*data.train, Device{});
  for (const bool travel : {false, true}) {
    BatchMemory memory(Device{}, kImage, 5, travel ? nullptr : &resident);
    CountingBackend counting(*backend_);
    Batch batch = batch_of(3, true);
    if (!travel) batch.images.clear();
    const DeviceBatch on_device = memory.upload(batch, counting, 0.25f);
    EXPECT_EQ(counting.uploads, travel ? 2 : 1);
    EXPECT_EQ(*on_device.rate.as<float>(), 0.25f);
    EXPECT_EQ(on_device.labels.as<std::int32_t>()[2], 2);
    EXPECT_EQ(on_device.crops.as<Crop>()[2].dy, 2);
    for (const TensorView& part : {on_device.labels, on_device.indices, on_device.crops, on_device.rate}) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(part.data) % 64, 0u);
    }
  }
}

TEST_F(BatchMemoryTest, ABatchThatDoesNotFitIsAnError) {
  BatchMemory memory(Device{}, kImage, 4);
  EXPECT_THROW(memory.upload(batch_of(5, true), *backend_), Error);
  Batch batch = batch_of(4, true);
  batch.crops.pop_back();
  EXPECT_THROW(memory.upload(batch, *backend_), Error);
  batch = batch_of(4, true);
  batch.images.pop_back();
  EXPECT_THROW(memory.upload(batch, *backend_), Error);
}

}  // namespace
}  // namespace drift
