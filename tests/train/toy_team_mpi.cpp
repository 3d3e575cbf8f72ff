// Makes the processes of an MPI job the team of all toy runs; on GPUs, over NCCL, where DRIFT_TEST_GPUS asks for it.
#include <cstdlib>
#include <gtest/gtest.h>

#include "comm/mpi.h"
#include "tests/train/toy_team.h"

namespace drift::testing {
namespace {

class TeamOfAllProcesses : public ::testing::Environment {
 public:
  void SetUp() override {
    Job job = join_job(make_mpi_transport(), {});
    ASSERT_GT(job.processes, 1) << "start it by mpirun";
    if (std::getenv("DRIFT_TEST_GPUS") != nullptr) {
      job = on_gpus(std::move(job), {DeviceType::kCuda, job.local_process}, {});
    }
    ToyTeam::set(std::move(job));
  }
  void TearDown() override { ToyTeam::set(lone_job()); }
};

[[maybe_unused]] ::testing::Environment* const kTeam = ::testing::AddGlobalTestEnvironment(new TeamOfAllProcesses);

}  // namespace
}  // namespace drift::testing
