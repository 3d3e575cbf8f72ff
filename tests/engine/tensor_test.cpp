// Tensor handles and the memory pool behind them.
#include "engine/tensor.h"

#include <gtest/gtest.h>
#include <limits>
#include <utility>

#include "engine/memory_pool.h"
#include "tests/engine/environment.h"

namespace drift {
namespace {

using testing::expect_error;

TEST(Tensor, CopiesShareMemoryAndTheLastHandleReturnsIt) {
  MemoryPool pool{Device{}};
  {
    Tensor a = pool.allocate({2, 3}, DType::kFloat32);
    EXPECT_TRUE(a.unique());
    EXPECT_EQ(pool.bytes_in_use(), 24);
    const Tensor b = a;
    EXPECT_EQ(a.view().data, b.view().data);
    EXPECT_FALSE(a.unique());
    a = {};
    EXPECT_FALSE(a.defined());
    EXPECT_TRUE(b.unique());
    EXPECT_EQ(pool.bytes_in_use(), 24);
  }
  EXPECT_EQ(pool.bytes_in_use(), 0);
  EXPECT_EQ(pool.bytes_held(), 24);
  EXPECT_EQ(pool.peak_bytes_in_use(), 24);
}

TEST(Tensor, MovesLeaveNothingBehind) {
  MemoryPool pool{Device{}};
  Tensor a = pool.allocate({4}, DType::kBFloat16);
  const void* const data = a.view().data;
  const Tensor b = std::move(a);
  EXPECT_EQ(b.view().data, data);
  EXPECT_TRUE(b.unique());
  EXPECT_FALSE(a.defined());  // NOLINT(bugprone-use-after-move): that is the point
  EXPECT_EQ(a.view().data, nullptr);
}

TEST(Tensor, ReshapedSharesMemoryAndKeepsTheNumberOfElements) {
  MemoryPool pool{Device{}};
  const Tensor image = pool.allocate({2, 1, 1, 6}, DType::kFloat32);
  const Tensor matrix = image.reshaped({2, 6});
  EXPECT_EQ(matrix.view().data, image.view().data);
  EXPECT_EQ(matrix.shape(), (Shape{2, 6}));
  expect_error(ErrorKind::kInternal, {"[2,1,1,6]", "[2,5]"}, [&] { image.reshaped({2, 5}); });
  expect_error(ErrorKind::kInternal, {"nothing", "[1]"}, [] { Tensor{}.reshaped({1}); });
}

TEST(MemoryPool, ReusesBlocksOfTheSameSizeNewestFirst) {
  MemoryPool pool{Device{}};
  void* newest = nullptr;
  {
    const Tensor older = pool.allocate({100}, DType::kFloat32);
    const Tensor other_size = pool.allocate({101}, DType::kFloat32);
    Tensor newer = pool.allocate({10, 10}, DType::kFloat32);
    newest = newer.view().data;
  }
  // Destroyed in reverse order: `older` came back last.
  const std::int64_t allocations = Storage::allocations();
  const Tensor again = pool.allocate({200}, DType::kBFloat16);  // the same 400 bytes
  const Tensor and_again = pool.allocate({400}, DType::kUint8);
  EXPECT_NE(again.view().data, newest);
  EXPECT_EQ(and_again.view().data, newest);
  EXPECT_EQ(Storage::allocations(), allocations);
  const Tensor third = pool.allocate({100}, DType::kFloat32);
  EXPECT_EQ(Storage::allocations(), allocations + 1);
}

TEST(MemoryPool, RefusesEmptyTensors) {
  MemoryPool pool{Device{}};
  expect_error(ErrorKind::kInternal, {"[3,0,2]"}, [&] { pool.allocate({3, 0, 2}, DType::kFloat32); });
}

TEST(MemoryPool, OutOfMemoryNamesWhatWasAskedAndWhatIsHeld) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers end the program on an allocation of this size";
#endif
  MemoryPool pool{Device{}};
  const Tensor held = pool.allocate({256}, DType::kFloat32);
  expect_error(ErrorKind::kDevice, {"4611686018427387904 bytes", "holds 1024 bytes", "cpu"},
               [&] { pool.allocate({std::int64_t{1} << 60}, DType::kFloat32); });
  EXPECT_EQ(pool.bytes_in_use(), 1024);
}

TEST(MemoryPoolDeathTest, EndingBeforeItsTensorsIsFatal) {
  EXPECT_DEATH(
      {
        Tensor survivor;
        MemoryPool pool{Device{}};
        survivor = pool.allocate({8}, DType::kFloat32);
      },
      "tensors hold 32 bytes");
}

}  // namespace
}  // namespace drift
