// The processes of an MPI job that run one test program. MPI is set up once in a program: before its first test.
#pragma once

#include <gtest/gtest.h>
#include <memory>

#include "comm/mpi.h"

namespace drift::testing {

// Stands still, so that no wait is too long, until a test lets every look at it take some time.
class StandingClock final : public Clock {
 public:
  double seconds() const override { return now_ += seconds_per_look; }
  double seconds_per_look = 0;

 private:
  mutable double now_ = 0;
};

class MpiProcesses : public ::testing::Environment {
 public:
  void SetUp() override { transport_ = make_mpi_transport({.timeout_seconds = 300, .clock = &clock_}); }
  void TearDown() override { transport_.reset(); }

  static const std::shared_ptr<Transport>& transport() { return transport_; }
  static StandingClock& clock() { return clock_; }

 private:
  static inline StandingClock clock_;
  static inline std::shared_ptr<Transport> transport_;
};

[[maybe_unused]] inline ::testing::Environment* const kMpiProcesses =
    ::testing::AddGlobalTestEnvironment(new MpiProcesses);

}  // namespace drift::testing
