#include "core/pickle.h"

#include <gtest/gtest.h>

#include "tests/support/checkpoint_error.h"
#include "tests/support/file_damage.h"

namespace drift {
namespace {

using std::string_literals::operator""s;

constexpr std::string_view kGlobals[] = {"collections.OrderedDict", "numpy.core.multiarray._reconstruct",
                                         "numpy.ndarray", "numpy.dtype"};
const PickleRules kRules{.file = "FILE", .kind = ErrorKind::kCheckpoint, .globals = kGlobals, .advice = "Re-save it."};

// As Python writes it, but for calls, <id>, and texts without escapes.
std::string text_of(const PickleValue& value) {
  const auto listed = [](const PickleValue& all) {
    std::string text;
    for (std::size_t i = 0; i < all.size(); ++i) text += (i > 0 ? ", " : "") + text_of(all[i]);
    return text;
  };
  const auto entries = [](const PickleValue& all) {
    std::string text;
    for (std::size_t i = 0; i < all.entries(); ++i) {
      text += (i > 0 ? ", " : "") + text_of(all.key(i)) + ": " + text_of(all.value(i));
    }
    return text;
  };
  switch (value.kind()) {
    case PickleKind::kNone:
      return "None";
    case PickleKind::kBool:
      return value.boolean() ? "True" : "False";
    case PickleKind::kInteger:
      return std::to_string(value.integer());
    case PickleKind::kFloat:
      return fmt::format("{}", value.real());
    case PickleKind::kText:
      return fmt::format("'{}'", value.string());
    case PickleKind::kBytes:
      return fmt::format("b'{}'", value.string());
    case PickleKind::kList:
      return "[" + listed(value) + "]";
    case PickleKind::kTuple:
      return "(" + listed(value) + (value.size() == 1 ? ",)" : ")");
    case PickleKind::kDict:
      return "{" + entries(value) + "}";
    case PickleKind::kGlobal:
      return std::string(value.global());
    case PickleKind::kCall:
      return fmt::format("{}{}{}{}", value.global(), text_of(value.arguments()),
                         value.entries() > 0 ? " with {" + entries(value) + "}" : "",
                         value.state() ? " as " + text_of(*value.state()) : "");
    case PickleKind::kPersistent:
      return "<" + text_of(value.id()) + ">";
  }
  return "?";
}

std::string read(const std::string& bytes) {
  const Pickle pickle(bytes, kRules);
  return text_of(pickle.root());
}

void expect_refused(const std::string& bytes, std::string_view message) {
  testing::expect_checkpoint_error([&] { read(bytes); }, {message}, message);
}

TEST(Pickle, EveryProtocolSaysTheSame) {
  for (const int protocol : {0, 1, 2, 3, 4, 5}) {
    const std::string bytes = testing::file_text(fmt::format("{}/protocol_{}", DRIFT_PICKLES, protocol));
    EXPECT_EQ(read(bytes),
              "{'numbers': [1, 300, -3, 70000, 1099511627776, -9223372036854775808, 2.5, None, True, False], "
              "'tuples': [(), (1,), (1, 2, 3), (1, 2, 3, 4)], 'same': 'text', 'again': 'text', 'nested': {'x': []}}");
  }
}

TEST(Pickle, AnArrayOfPython2IsACallWithAState) {
  EXPECT_EQ(read(testing::file_text(DRIFT_PICKLES "/python2_array")),
            "{b'data': numpy.core.multiarray._reconstruct(numpy.ndarray, (0,), b'b') as (1, (2, 3), "
            "numpy.dtype(b'u1', 0, 1) as (3, b'|', None, None, None, -1, -1, 0), False, b'abcdef'), "
            "b'labels': [6, 9]}");
}

TEST(Pickle, StringsOfPython2InProtocol0) {
  EXPECT_EQ(read("S'plain'\n."), "b'plain'");
  EXPECT_EQ(read("S\"it's\"\n."), "b'it's'");
  EXPECT_EQ(read("S'a\\n\\x41\\\\\\'\\x00'\n."), "b'a\nA\\'\0'"s);
  for (const char* damaged : {"S'\n.", "Splain\n.", "S'a\"\n.", "S'\\x4'\n.", "S'\\q'\n.", "S'\\'\n."}) {
    expect_refused(damaged, "a string");
  }
}

TEST(Pickle, ValuesOfAnOrderedDictAreFoundByKeyAndTheLastCounts) {
  const std::string bytes = "ccollections\nOrderedDict\n)R(U\1aK\1X\1\0\0\0bK\2U\1aK\3K\4K\5u."s;
  const Pickle pickle(bytes, kRules);
  ASSERT_EQ(pickle.root().entries(), 4u);
  EXPECT_EQ(pickle.root().find("a")->integer(), 3);
  EXPECT_EQ(pickle.root().find("b")->integer(), 2);
  EXPECT_FALSE(pickle.root().find("c"));
}

TEST(Pickle, PersistentIdsAreKept) {
  EXPECT_EQ(read("(U\1aK\7tQ."), "<(b'a', 7)>");
}

TEST(Pickle, GlobalsAreRefusedByNameAndPlace) {
  expect_refused("(cposix\nsystem\n(U\2lstR.",
                 "FILE: pickle, byte 1: global 'posix.system' is not among those that are read here. Re-save it.");
  expect_refused("\x80\4\x8c\5posix\x8c\6system\x93."s, "byte 17: global 'posix.system'");
  expect_refused("c\xff\n\n.", "global '?'");
  expect_refused("\x80\4K\1K\2\x93."s, "a global named by no texts");
}

TEST(Pickle, OpcodesThatMakeObjectsAreRefusedByName) {
  const std::string global = "ccollections\nOrderedDict\n)";
  expect_refused(global + "\x81.", "byte 26: opcode NEWOBJ makes what is not read here. Re-save it.");
  expect_refused(global + "}\x92.", "opcode NEWOBJ_EX");
  expect_refused("(iposix\nsystem\n.", "opcode INST");
  expect_refused("(cposix\nsystem\no.", "global 'posix.system'");
  expect_refused("\x82\1.", "opcode EXT1");
  expect_refused("\x8f.", "opcode EMPTY_SET");
  expect_refused(
      "K\1"
      "0.",
      "opcode POP");
  expect_refused("\xfe", "0xfe is no opcode");
}

TEST(Pickle, OnlyGlobalsAreCalled) {
  expect_refused("K\1)R.", "a call of an integer with a tuple");
  expect_refused("ccollections\nOrderedDict\n]R.", "a call of a global with a list");
  expect_refused("}}b.", "a dict where a call without a state is expected");
  expect_refused("ccollections\nOrderedDict\n)R}b}b.", "a call where a call without a state is expected");
}

TEST(Pickle, NothingContainsItself) {
  expect_refused("]q\0h\0a."s, "a list that is part of another value, or of itself, is changed");
  expect_refused("]q\0h\0\x85q\1h\0h\1a."s, "a list that is part of another value");
  expect_refused("}q\0K\1h\0s."s, "a dict that is part of another value");
  expect_refused("ccollections\nOrderedDict\n)Rq\0h\0b."s, "a call that is part of another value");
  EXPECT_EQ(read("]q\0h\0\x86."s), "([], [])");  // the same one twice is no circle
}

TEST(Pickle, DepthIsBounded) {
  EXPECT_EQ(read(std::string(100, ']') + std::string(99, 'a') + "."), std::string(100, '[') + std::string(100, ']'));
  expect_refused(std::string(101, ']') + std::string(100, 'a') + ".", "nest more than 100 levels");
  expect_refused(")" + std::string(100, '\x85') + ".", "nest more than 100 levels");
}

TEST(Pickle, ManyValuesTakeNoMemory) {
  expect_refused(std::string(5'000'000, ']'), "more than 1048576 values");
  expect_refused("N" + std::string(5'000'000, '\x94'), "more than 1048576 memo entries");
  expect_refused(
      "X\xff\xff\xff\xff"
      "a",
      "4294967295 bytes are announced, 1 follow");
  expect_refused("\x8e\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615 bytes are announced, 0 follow");
  expect_refused("\x95\xff\xff\xff\xff\xff\xff\xff\xff.", "a frame of 18446744073709551615 bytes, 1 follow");
}

TEST(Pickle, DamageIsNamed) {
  expect_refused("", "byte 0: the bytes end before the value");
  expect_refused("K\1", "byte 2: the bytes end before the value");
  expect_refused("J\1\2\3", "4 bytes are announced, 3 follow");
  expect_refused(".", "a value is missing on the stack");
  expect_refused("K\1(a.", "a value is missing on the stack");
  expect_refused("](K\1a.", "a value is missing on the stack");  // the list lies below the mark
  expect_refused("K\1K\2.", "1 more values than one at the end");
  expect_refused("(K\1.", "1 more values");
  expect_refused("K\1.K", "1 bytes follow the end");
  expect_refused("e.", "a mark is missing");
  expect_refused("}(K\1u.", "a key without a value");
  expect_refused("K\1K\2a.", "an integer where a list is expected");
  expect_refused("](K\1K\2u.", "a list where a dict is expected");
  expect_refused("h\5.", "memo entry 5 is asked for before it is there");
  expect_refused("g-1\n.", "a memo entry without a number");
  expect_refused("Nq", "1 bytes are announced, 0 follow");
  expect_refused("\x80\6N.", "protocol 6; 5 is the last");
  expect_refused("I12", "a line without an end");
  expect_refused("I1x\n.", "an integer that is none");
  expect_refused("L9223372036854775808L\n.", "more than 64 bits");
  expect_refused("F1.5.2\n.", "a float that is none");
  expect_refused(
      "\x8a\x09"
      "123456789.",
      "an integer of 9 bytes, more than 8");
  expect_refused("X\1\0\0\0\xff."s, "a text that is not UTF-8");
  expect_refused("V\\u00e4\n.", "a text with escapes in protocol 0");
}

TEST(Pickle, WhatAnotherKindHasIsNotAskedFor) {
  const Pickle pickle("K\1.", kRules);
  EXPECT_EQ(testing::error_of([&] { pickle.root().string(); }).kind(), ErrorKind::kInternal);
  EXPECT_EQ(testing::error_of([&] { pickle.root().size(); }).kind(), ErrorKind::kInternal);
  const Pickle empty(")."s, kRules);
  EXPECT_EQ(testing::error_of([&] { empty.root()[0]; }).kind(), ErrorKind::kInternal);
}

}  // namespace
}  // namespace drift
