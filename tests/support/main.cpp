// The main function of every test program: prints the seed and gives it to rapidcheck too.
#include <cstdlib>
#include <gtest/gtest.h>
#include <iostream>
#include <string>

#include "tests/support/seed.h"

int main(int argc, char** argv) {
  const std::string seed = std::to_string(drift::testing::seed());
  setenv("RC_PARAMS", ("seed=" + seed).c_str(), /*overwrite=*/0);
  ::testing::InitGoogleTest(&argc, argv);
  if (!::testing::GTEST_FLAG(list_tests)) {
    std::cout << "seed=" << seed << " (replay with DRIFT_TEST_SEED=" << seed << ")\n";
  }
  return RUN_ALL_TESTS();
}
