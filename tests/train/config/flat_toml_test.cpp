// What recipes are written in passes; the rest is refused with its line before a library sees it.
#include "train/config/flat_toml.h"

#include <gtest/gtest.h>
#include <string>

#include "tests/support/error_of.h"

namespace drift {
namespace {

TEST(FlatToml, TakesKeysWithValuesListsStringsAndComments) {
  for (const char* text : {"", "\n\n", "# only a comment", "a = 1", "a-b_3=0.5 # [x] {y}\r\n\n b = true\n",
                           "a = \"[{#\\\"\" # '\nb = '[\\'\n", "a = [1,\n  2, # one ] more\n  3]\nb = 1",
                           "a = \"\"\"\n[b]\n\\\"\"\"\" \"\"\"\nb = '''\n''x'''\n"}) {
    EXPECT_NO_THROW(check_is_flat_toml(text, "recipe")) << text;
  }
}

TEST(FlatToml, NamesTheLineOfWhatIsNot) {
  const struct {
    std::string text, message;
  } cases[] = {{"a = 1\n[b]\n", "recipe:2: b: a recipe has no tables"},
               {"a = [1,\n2]\n\nb.c = 1", "recipe:4: b: a recipe has no tables"},
               {"a = {}", "recipe:1: a recipe has no tables"},
               {"a = [\n[1]]", "recipe:2: a list nests"},
               {"a = \"open\n[b]", "recipe:2: b: a recipe has no tables"},  // a string ends with its line
               {"a = 1\nb", "recipe:2: not valid TOML"},
               {"\"a\" = 1", "recipe:1: not valid TOML"},
               {"= 1", "recipe:1: not valid TOML"},
               {std::string("a = \0", 5), "recipe: not a text"},
               {"a = '\x7f'", "recipe: not a text"},
               {"# \xc3\x28", "recipe: not a text"}};
  for (const auto& [text, message] : cases) {
    const Error error = testing::error_of([&, t = text] { check_is_flat_toml(t, "recipe"); });
    EXPECT_EQ(error.kind(), ErrorKind::kConfig);
    EXPECT_TRUE(error.message().starts_with(message)) << error.message();
  }
}

}  // namespace
}  // namespace drift
