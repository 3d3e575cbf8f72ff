// What is absent says so, and what to do instead.
#include <gtest/gtest.h>

#include "comm/availability.h"
#include "comm/mpi.h"
#include "comm/nccl.h"
#include "tests/support/error_of.h"

namespace drift {
namespace {

template <class Call>
std::string comm_error(const Call& call) {
  const Error error = testing::error_of(call);
  EXPECT_EQ(error.kind(), ErrorKind::kComm);
  return error.message();
}

TEST(Missing, MpiSaysWhatToDoInstead) {
  if (have_mpi()) GTEST_SKIP() << "this build has MPI";
  const std::string message = comm_error([] { make_mpi_communicator(); });
  EXPECT_NE(message.find("no MPI backend: run all workers in one process"), std::string::npos) << message;
}

TEST(Missing, NcclSaysWhatToDoInstead) {
  if (have_nccl()) GTEST_SKIP() << "this build has NCCL";
  const std::string message = comm_error([] { make_nccl_communicators(std::vector<Device>(2)); });
  EXPECT_NE(message.find("no NCCL backend"), std::string::npos) << message;
  EXPECT_NE(message.find("--device cpu"), std::string::npos) << message;
  EXPECT_NE(message.find("2 devices"), std::string::npos);
}

}  // namespace
}  // namespace drift
