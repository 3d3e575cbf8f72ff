// Upload, download, copy, fill and cast, to the bit.
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <vector>

#include "tests/kernels/case_runner.h"
#include "tests/kernels/guarded_buffer.h"

namespace drift::testing {
namespace {

std::uint32_t bits_of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

float float_of(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

class Memory : public ::testing::Test {
 protected:
  // What `backend.cast` makes of `from`, both as raw elements.
  template <class To, class From>
  std::vector<To> cast(const std::vector<From>& from) {
    const Shape shape{static_cast<std::int64_t>(from.size())};
    GuardedBuffer x(*backend_, shape, dtype_of<From>(), 0xff);
    GuardedBuffer y(*backend_, shape, dtype_of<To>(), 0xff);
    backend_->upload(from.data(), x.view());
    backend_->cast(x.view(), y.view());
    std::vector<To> to(from.size());
    backend_->download(y.view(), to.data());
    return to;
  }

  std::uint16_t to_bf16(float value) { return cast<BFloat16>(std::vector<float>{value})[0].bits; }

  std::unique_ptr<Stream> stream_ = make_stream(Device{}, 2);
  std::unique_ptr<Backend> backend_ = make_backend(*stream_);
};

TEST_F(Memory, UploadCopyAndDownloadKeepEveryByte) {
  for (const DType dtype : {DType::kFloat32, DType::kBFloat16, DType::kUint8, DType::kInt32}) {
    for (const std::int64_t elements : {1, 3, 64, 100'003}) {
      GuardedBuffer from(*backend_, {elements}, dtype, 0xff);
      GuardedBuffer to(*backend_, {elements}, dtype, 0xff);
      Bytes bytes(from.view().bytes());
      for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 37 + i / 256);
      from.write(bytes);
      backend_->copy(from.view(), to.view());
      EXPECT_TRUE(to.read() == bytes) << name_of(dtype) << " x " << elements;
      EXPECT_TRUE(to.guards_intact());
    }
  }
}

TEST_F(Memory, EveryBFloat16SurvivesTheWayToFloatAndBack) {
  std::vector<BFloat16> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i].bits = static_cast<std::uint16_t>(i);
  const std::vector<float> floats = cast<float>(all);
  const std::vector<BFloat16> back = cast<BFloat16>(floats);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool nan = std::isnan(to_float(all[i]));
    ASSERT_EQ(std::isnan(floats[i]), nan) << i;
    if (!nan) {
      ASSERT_EQ(bits_of(floats[i]), static_cast<std::uint32_t>(i) << 16);
    }
    // A signalling NaN comes back quiet, payload and sign kept.
    ASSERT_EQ(back[i].bits, nan ? i | 0x40 : i);
  }
}

TEST_F(Memory, FloatToBFloat16RoundsToNearestEven) {
  EXPECT_EQ(to_bf16(float_of(0x3f808000)), 0x3f80);  // tie, down to even
  EXPECT_EQ(to_bf16(float_of(0x3f818000)), 0x3f82);  // tie, up to even
  EXPECT_EQ(to_bf16(float_of(0x3f808001)), 0x3f81);  // just above a tie
  EXPECT_EQ(to_bf16(float_of(0x3f817fff)), 0x3f81);  // just below one
  EXPECT_EQ(to_bf16(float_of(0xbf818000)), 0xbf82);  // the sign does not matter
  EXPECT_EQ(to_bf16(float_of(0x7f7fffff)), 0x7f80);  // the largest float overflows
  EXPECT_EQ(to_bf16(float_of(0x7f7f7fff)), 0x7f7f);  // the largest that does not
  EXPECT_EQ(to_bf16(-0.0f), 0x8000);
  EXPECT_EQ(to_bf16(float_of(0x00008000)), 0x0000);  // denormals round too
  EXPECT_EQ(to_bf16(float_of(0x00018000)), 0x0002);
  EXPECT_EQ(to_bf16(-HUGE_VALF), 0xff80);
  // A NaN whose payload sits in the bits cut off must not become infinity.
  EXPECT_TRUE(std::isnan(to_float(BFloat16{to_bf16(float_of(0x7f800001))})));
  EXPECT_TRUE(std::isnan(to_float(BFloat16{to_bf16(float_of(0x7fffffff))})));
}

TEST_F(Memory, TheCastRoundsAsTheScalarConversionDoes) {
  std::vector<float> floats;
  for (std::uint64_t i = 0; i < 100'003; ++i) {
    const std::uint32_t bits = Rng(1, stream_id(Purpose::kTest)).bits(i);
    if (!std::isnan(float_of(bits))) floats.push_back(float_of(bits));
  }
  const std::vector<BFloat16> got = cast<BFloat16>(floats);
  for (std::size_t i = 0; i < floats.size(); ++i) {
    ASSERT_EQ(got[i].bits, from_float<BFloat16>(floats[i]).bits) << floats[i];
  }
}

}  // namespace
}  // namespace drift::testing
