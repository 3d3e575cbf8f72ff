// Columns as wide as their widest cell.
#include "core/text_table.h"

#include <gtest/gtest.h>

namespace drift {
namespace {

TEST(TextTable, AlignsColumnsAndEndsLinesWithText) {
  EXPECT_EQ(text_table({{"arm", "n", "state"}, {"a", "100", ""}, {"local", "5", "stopped"}}, "<><"),
            "arm      n  state\n"
            "a      100\n"
            "local    5  stopped\n");
}

TEST(TextTable, ACharacterOfSeveralBytesTakesOneColumn) {
  EXPECT_EQ(text_table({{"±", "x"}, {"ab", "y"}}, "<<"), "±   x\nab  y\n");
  EXPECT_EQ(text_table({}, "<"), "");
}

}  // namespace
}  // namespace drift
