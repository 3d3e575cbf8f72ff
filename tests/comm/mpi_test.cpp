// The communicators of a team over MPI. Every process runs the same tests in the same order (tests/support/mpirun.sh).
#include <gtest/gtest.h>
#include <memory>

#include "tests/comm/mpi_processes.h"
#include "tests/comm/team_checks.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_backend.h"

namespace drift::testing {
namespace {

class Mpi : public ::testing::TestWithParam<int> {
 protected:
  const std::shared_ptr<Transport>& transport() const { return MpiProcesses::transport(); }
  Team team() const {
    return {.workers = transport()->processes() * GetParam(),
            .processes = transport()->processes(),
            .process = transport()->process()};
  }
};

TEST_P(Mpi, MeansHaveTheBitsOfTheTree) {
  check_means(team(), transport());
}
TEST_P(Mpi, BroadcastsComeFromEveryWorker) {
  check_broadcasts(team(), transport());
}
TEST_P(Mpi, BytesAreThoseOfTheFormula) {
  check_bytes(team(), transport());
}
TEST_P(Mpi, MeansByTheLibraryAreMeans) {
  check_fast_means(team(), transport());
}

INSTANTIATE_TEST_SUITE_P(LocalWorkers, Mpi, ::testing::Values(1, 2, 3, 4));

TEST_P(Mpi, NamesItsLibrary) {
  EXPECT_TRUE(transport()->sum_name().starts_with("MPI_Allreduce of ")) << transport()->sum_name();
  EXPECT_EQ(transport()->sum_name().find('\n'), std::string::npos);
}

// Process 0 names the one it waits for; what that sends later still arrives.
TEST(MpiFailure, AWaitThatIsTooLongNamesTheProcess) {
  Transport& transport = *MpiProcesses::transport();
  ASSERT_GE(transport.processes(), 2);
  FakeStream stream;
  float value = 0;
  if (transport.process() == 0) {
    const Transport::Receive receive{std::span(&value, 1), 1};
    const auto transfer = transport.start({}, std::span(&receive, 1), stream);
    MpiProcesses::clock().seconds_per_look = 100;
    const Error error = error_of([&] { transfer->wait(); });
    MpiProcesses::clock().seconds_per_look = 0;
    EXPECT_EQ(error.kind(), ErrorKind::kComm);
    EXPECT_NE(error.message().find("waited 300 s for process 1"), std::string::npos) << error.message();
    const Transport::Send go_on{std::span<const float>(&value, 1), 1};
    transport.start(std::span(&go_on, 1), {}, stream)->wait();
    transfer->wait();
    EXPECT_EQ(value, 5);
  }
  if (transport.process() == 1) {
    const Transport::Receive go_on{std::span(&value, 1), 0};
    transport.start({}, std::span(&go_on, 1), stream)->wait();
    value = 5;
    const Transport::Send send{std::span<const float>(&value, 1), 0};
    transport.start(std::span(&send, 1), {}, stream)->wait();
  }
}

TEST(MpiFailure, RefusesTheMemoryOfAGpu) {
  class GpuStream final : public Stream {
    Device device() const override { return {DeviceType::kCuda, 0}; }
    int threads() const override { return 1; }
    void synchronize() override {}
  } stream;
  const Error error = error_of([&] { MpiProcesses::transport()->start({}, {}, stream); });
  EXPECT_EQ(error.kind(), ErrorKind::kComm);
  EXPECT_NE(error.message().find("MPI moves host memory, and these workers are on cuda:0"), std::string::npos);
}

}  // namespace
}  // namespace drift::testing
