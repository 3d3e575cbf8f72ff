#include "core/check.h"

#include <cerrno>
#include <filesystem>
#include <gtest/gtest.h>
#include <new>
#include <stdexcept>
#include <system_error>

#include "core/shape.h"

namespace drift {
namespace {

TEST(Check, ErrorCarriesPlaceExpressionAndMessage) {
  const int period = 0;
  try {
    DRIFT_CHECK(kConfig, period > 0, "--period must be at least 1, got {}", period);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kConfig);
    EXPECT_EQ(error.message(), "--period must be at least 1, got 0");
    const std::string what = error.what();
    EXPECT_EQ(what.rfind("tests/core/check_test.cpp:", 0), 0u) << what;
    EXPECT_NE(what.find("[period > 0]"), std::string::npos) << what;
  }
}

TEST(Check, EveryKindHasItsDocumentedExitCode) {
  EXPECT_EQ(exit_code(ErrorKind::kInternal), 1);
  EXPECT_EQ(exit_code(ErrorKind::kUsage), 2);
  EXPECT_EQ(exit_code(ErrorKind::kConfig), 3);
  EXPECT_EQ(exit_code(ErrorKind::kData), 4);
  EXPECT_EQ(exit_code(ErrorKind::kDevice), 5);
  EXPECT_EQ(exit_code(ErrorKind::kComm), 6);
  EXPECT_EQ(exit_code(ErrorKind::kDiverged), 7);
  EXPECT_EQ(exit_code(ErrorKind::kCheckpoint), 8);
  EXPECT_EQ(exit_code(ErrorKind::kTolerance), 9);
  EXPECT_EQ(exit_code(ErrorKind::kOutput), 74);
  EXPECT_EQ(exit_code(ErrorKind::kStopped), 75);
}

// People read the message of what they can mend; who reports a bug needs the place too.
TEST(Check, CaughtExceptionsAreReportedForPeople) {
  const auto caught = [](const auto& error) { return caught_error(std::make_exception_ptr(error)); };
  const auto error_of = [](ErrorKind kind) {
    return Error(kind, "no labels", "count > 0", std::source_location::current());
  };
  EXPECT_EQ(caught(error_of(ErrorKind::kData)).kind(), ErrorKind::kData);
  EXPECT_EQ(caught(error_of(ErrorKind::kData)).report(), "no labels");
  EXPECT_NE(caught(error_of(ErrorKind::kInternal)).report().find("tests/core/check_test.cpp:"), std::string::npos);
  EXPECT_EQ(caught(std::runtime_error("out of luck")).kind(), ErrorKind::kInternal);
  EXPECT_EQ(caught(std::runtime_error("out of luck")).message(), "out of luck (not an error of Drift's own)");
  EXPECT_EQ(caught(7).kind(), ErrorKind::kInternal);
  EXPECT_EQ(caught(7).message(), "an exception without a text (not an error of Drift's own)");
  // What the machine refuses is no bug.
  EXPECT_EQ(caught(std::bad_alloc()).kind(), ErrorKind::kDevice);
  EXPECT_EQ(caught(std::length_error("vector")).kind(), ErrorKind::kDevice);
  EXPECT_EQ(caught(std::system_error(EAGAIN, std::generic_category())).kind(), ErrorKind::kDevice);
  const std::filesystem::filesystem_error loop("status", "a/b", std::error_code(ELOOP, std::generic_category()));
  EXPECT_EQ(caught(loop).kind(), ErrorKind::kData);
  EXPECT_NE(caught(loop).report().find("a/b"), std::string::npos);
}

TEST(Shape, CountsAndPrints) {
  const Shape shape{128, 32, 32, 16};
  EXPECT_EQ(shape.elements(), 128 * 32 * 32 * 16);
  EXPECT_EQ(shape.rows(), 128 * 32 * 32);
  EXPECT_EQ(shape.channels(), 16);
  EXPECT_EQ(to_string(shape), "[128,32,32,16]");
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_NE((Shape{2, 3}), (Shape{2, 3, 1}));
  EXPECT_THROW((Shape{1, 1, 1, 1, 1}), Error);
  EXPECT_THROW((Shape{2, -1}), Error);
}

}  // namespace
}  // namespace drift
