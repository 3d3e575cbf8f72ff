// What is absent says so, and how to get it.
#include <gtest/gtest.h>

#include "comm/availability.h"
#include "comm/mpi.h"
#include "comm/nccl.h"
#include "core/check.h"

namespace drift {
namespace {

template <class Call>
std::string comm_error(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kComm);
    return error.message();
  }
  return "no error";
}

TEST(Missing, MpiSaysHowToGetIt) {
  if (have_mpi()) GTEST_SKIP() << "this build has MPI";
  EXPECT_NE(comm_error([] { make_mpi_communicator(); }).find("-DDRIFT_MPI=ON"), std::string::npos);
}

TEST(Missing, NcclSaysHowToGetIt) {
  if (have_nccl()) GTEST_SKIP() << "this build has NCCL";
  const std::string message = comm_error([] { make_nccl_communicators(std::vector<Device>(2)); });
  EXPECT_NE(message.find("-DDRIFT_NCCL=ON"), std::string::npos);
  EXPECT_NE(message.find("2 devices"), std::string::npos);
}

}  // namespace
}  // namespace drift
