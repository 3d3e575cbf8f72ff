// What is absent says so, and what to do instead.
#include <gtest/gtest.h>

#include "comm/mpi.h"
#include "tests/support/error_of.h"

namespace drift {
namespace {

TEST(Missing, MpiSaysWhatToDoInstead) {
  const Error error = testing::error_of([] { make_mpi_transport(); });
  EXPECT_EQ(error.kind(), ErrorKind::kComm);
  EXPECT_NE(error.message().find("no MPI: run all workers in one process"), std::string::npos) << error.message();
}

}  // namespace
}  // namespace drift
