// Each in a process of its own, whose addresses are limited: nothing else here is to run out of them.
#include "core/memory_reserve.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <new>
#include <sys/resource.h>

#include "core/build_info.h"

namespace drift::testing {
namespace {

constexpr std::size_t kSmall = 4 << 10;

void limit_addresses() {
  const rlimit few{rlim_t{1} << 30, rlim_t{1} << 30};
  setrlimit(RLIMIT_AS, &few);
}

// Whatever there is, as threads do that are still at work; not by `new`, which would say that there is no more.
void take_all() {
  for (std::size_t bytes = 256 << 20; bytes >= 16; bytes /= 2) {
    while (std::malloc(bytes) != nullptr) {
    }
  }
}

bool runs_out() {
  try {
    ::operator delete(::operator new(kSmall));
    return false;
  } catch (const std::bad_alloc&) {
    return true;
  }
}

// Says with its exit code which of the steps was not as it should be.
[[noreturn]] void say_so_while_others_take_all() {
  limit_addresses();
  keep_memory_reserve();
  take_all();
  if (!runs_out()) std::_Exit(2);  // the first time as ever
  for (int i = 0; i < 8; ++i) {
    take_all();
    if (runs_out()) std::_Exit(3);  // from then on out of the reserve
  }
  std::_Exit(0);
}

[[noreturn]] void give_up_all() {
  limit_addresses();
  keep_memory_reserve();
  take_all();
  give_up_memory_reserve();
  std::_Exit(runs_out() ? 2 : 0);
}

class MemoryReserve : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!build_info().sanitizers.empty()) GTEST_SKIP() << "sanitizers need all addresses there are";
    GTEST_FLAG_SET(death_test_style, "threadsafe");
  }
};

TEST_F(MemoryReserve, IsForTheThreadThatHasRunOutThoughOthersTakeAllTheyGet) {
  EXPECT_EXIT(say_so_while_others_take_all(), ::testing::ExitedWithCode(0), "");
}

TEST_F(MemoryReserve, IsThereForAllInTheEnd) {
  EXPECT_EXIT(give_up_all(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace drift::testing
