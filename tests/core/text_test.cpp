#include "core/text.h"

#include <cstdio>
#include <gtest/gtest.h>
#include <limits>

namespace drift {
namespace {

TEST(DidYouMean, FindsTheNearestAndNothingFarOff) {
  const std::vector<std::string> names{"resnet20", "resnet56", "vgg16"};
  EXPECT_EQ(did_you_mean("resnet65", names), " Did you mean 'resnet56'?");
  EXPECT_EQ(did_you_mean("vg16", names), " Did you mean 'vgg16'?");
  EXPECT_EQ(did_you_mean("transformer", names), "");
  EXPECT_EQ(did_you_mean(std::string(50'000'000, 'r'), names), "");  // in no time
}

TEST(ParseInteger, TakesTheWholeTextOrNothing) {
  EXPECT_EQ(parse_integer("-12"), -12);
  EXPECT_EQ(parse_integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  for (const char* text : {"", " 1", "1 ", "+1", "1.0", "0x1", "9223372036854775808"}) {
    EXPECT_EQ(parse_integer(text), std::nullopt) << "'" << text << "'";
  }
}

TEST(IsUtf8, KnowsWhatIsNone) {
  for (const char* text : {"", "plain", "l\xC3\xA4ufe-\xCF\x80", "\xE2\x82\xAC", "\xF0\x9F\x9A\x80", "\xED\x9F\xBF"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  // A byte too many, too few, none at all, longer than need be, half of a pair, beyond the last.
  for (const char* text :
       {"\x80", "a\xC3", "\xFF", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82x"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
}

TEST(ShellQuoted, ReadsBack) {
  EXPECT_EQ(shell_quoted("cifar10:/data/c-10_x.bin"), "cifar10:/data/c-10_x.bin");
  EXPECT_EQ(shell_quoted(""), "''");
  for (const std::string word :
       {"my run", "it's", "$HOME", "a\"b", "*", "~", "#", "a\\b", "new\nline", "é", "''", "!x"}) {
    const std::string command = "printf %s " + shell_quoted(word);
    FILE* const shell = popen(command.c_str(), "r");
    ASSERT_NE(shell, nullptr);
    char said[64] = {};
    const std::size_t length = fread(said, 1, sizeof said, shell);
    EXPECT_EQ(pclose(shell), 0) << command;
    EXPECT_EQ(std::string(said, length), word) << command;
  }
}

TEST(Joined, PutsSeparatorsBetween) {
  const std::vector<std::string> words{"a", "b"};
  EXPECT_EQ(joined(words), "a, b");
  EXPECT_EQ(joined(std::vector<std::string>{}), "");
  const std::vector<std::string> five{"a", "b", "c", "d", "e"};
  EXPECT_EQ(a_few(five, 3), "a, b, c and 2 more");
  EXPECT_EQ(a_few(five, 5), "a, b, c, d, e");
  EXPECT_EQ(a_few(std::vector<std::string>{}, 3), "");
}

}  // namespace
}  // namespace drift
