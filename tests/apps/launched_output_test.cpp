// What drift launch makes of mpirun's output.
#include "apps/launched_output.h"

#include <gtest/gtest.h>

namespace drift {
namespace {

TEST(LaunchedOutput, PutsTheProcessInFront) {
  LaunchedOutput output;
  EXPECT_EQ(output.line("[1,0]<stdout>:top1 0.5"), "0: top1 0.5");
  EXPECT_EQ(output.line("[12,31]<stderr>:"), "31: ");
  EXPECT_EQ(output.line("[1,2]<stderr>:[x]<stderr>: y"), "2: [x]<stderr>: y");
  EXPECT_EQ(output.first_error(), "");
}

TEST(LaunchedOutput, TakesTheTagOutOfTheMiddleOfALine) {
  LaunchedOutput output;
  EXPECT_EQ(output.line("[1,0]<stderr>:step 1[1,0]<stderr>:/8[1,0]<stderr>:"), "0: step 1/8");
  EXPECT_EQ(output.line("[1,0]<stderr>:a[1,1]<stderr>:b"), "0: a[1,1]<stderr>:b");
}

TEST(LaunchedOutput, LeavesWhatMpirunSays) {
  LaunchedOutput output;
  for (const char* line : {"", "mpirun noticed", "[node1:123] warning", "[1,x]<stderr>:a", "[1,]<stderr>:a",
                           "[1,2]stderr:a", "a [1,2]<stderr>:b", "drift: not of a process"}) {
    EXPECT_EQ(output.line(line), line);
  }
  EXPECT_EQ(output.first_error(), "");
}

TEST(LaunchedOutput, KeepsTheFirstError) {
  LaunchedOutput output;
  output.line("[1,3]<stderr>:drift: the first");
  output.line("[1,1]<stderr>:drift: the second");
  EXPECT_EQ(output.first_error(), "3: drift: the first");
}

}  // namespace
}  // namespace drift
