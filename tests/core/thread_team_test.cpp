// Threads that begin together or not at all. The system refuses here because of addresses: each thread asks for a
// stack.
#include "core/thread_team.h"

#include <atomic>
#include <gtest/gtest.h>
#include <pthread.h>
#include <set>
#include <sys/resource.h>

#include "tests/support/error_of.h"

namespace drift {
namespace {

TEST(ThreadTeam, RunsEachPartOnceAndStopsAtItsEnd) {
  std::atomic<int> sum = 0, stopped = 0;
  {
    const ThreadTeam team("a test", 5, [&](int thread, const std::stop_token& stop) {
      sum += 1 << thread;
      while (!stop.stop_requested()) std::this_thread::yield();
      ++stopped;
    });
  }
  EXPECT_EQ(sum, 31);
  EXPECT_EQ(stopped, 5);
}

// Stacks of so many bytes, for the threads that are started meanwhile.
class StacksOf {
 public:
  explicit StacksOf(std::size_t bytes) {
    pthread_attr_init(&before_);
    pthread_getattr_default_np(&before_);
    pthread_attr_t now;
    pthread_attr_init(&now);
    pthread_attr_setstacksize(&now, bytes);
    pthread_setattr_default_np(&now);
    pthread_attr_destroy(&now);
  }
  ~StacksOf() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }
  StacksOf(const StacksOf&) = delete;
  StacksOf& operator=(const StacksOf&) = delete;

 private:
  pthread_attr_t before_;
};

TEST(ThreadTeam, WhereOneCannotStartNoneBegins) {
  const StacksOf large(std::size_t{1} << 45);  // four of them are all addresses there are
  std::atomic<int> begun = 0;
  const Error error =
      testing::error_of([&] { const ThreadTeam team("a test", 100, [&](int, const std::stop_token&) { ++begun; }); });
  EXPECT_EQ(error.kind(), ErrorKind::kDevice);
  EXPECT_NE(error.message().find("a test ("), std::string::npos) << error.message();
  EXPECT_NE(error.message().find("of 100)"), std::string::npos) << error.message();
  EXPECT_EQ(begun, 0);
  EXPECT_EQ(testing::error_of([] { start_thread("another", [] {}); }).kind(), ErrorKind::kDevice);
}

}  // namespace
}  // namespace drift
