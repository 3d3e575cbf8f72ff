// Reads Python's pickle format without Python. A pickle is a program that may call whatever it names; here nothing is
// called: its result is a tree of plain values, in which a global, a call of one and a persistent id are inert nodes
// for the caller to interpret. The caller says which globals may occur; all others, and opcodes that make objects of
// classes, are refused by name and offset. Protocols 0 to 5, also as Python 2 wrote them.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace drift {

struct PickleRules {
  std::string file;                           // in front of every message
  ErrorKind kind = ErrorKind::kData;          // of every error
  std::span<const std::string_view> globals;  // "module.name", of those that may occur; outlive the Pickle
  std::string advice = {};                    // a sentence behind the refusal of an opcode or a global
};

enum class PickleKind : std::uint8_t {
  kNone,
  kBool,
  kInteger,  // of 64 bits
  kFloat,
  kText,   // UTF-8
  kBytes,  // also a string of Python 2
  kList,
  kTuple,
  kDict,
  kGlobal,
  kCall,        // of a global with arguments; may have entries and a state set on its result
  kPersistent,  // what stands outside, by its id
};

// "a dict", for messages.
std::string_view name_of(PickleKind kind);

class Pickle;

// One value of a Pickle, which must outlive it. What another kind of value would have is a bug to ask for.
class PickleValue {
 public:
  PickleKind kind() const;
  bool is(PickleKind kind) const { return this->kind() == kind; }

  bool boolean() const;
  std::int64_t integer() const;
  double real() const;
  std::string_view string() const;  // of a text or bytes
  std::string_view global() const;  // "module.name", of a global or a call

  // Elements of a list or a tuple.
  std::size_t size() const;
  PickleValue operator[](std::size_t i) const;

  // Entries of a dict, or set on the result of a call, in their order. A key may occur twice: the last one counts.
  std::size_t entries() const;
  PickleValue key(std::size_t i) const;
  PickleValue value(std::size_t i) const;
  // The value of a key that is this string.
  std::optional<PickleValue> find(std::string_view key) const;

  bool is_call_of(std::string_view global) const;
  PickleValue arguments() const;             // of a call, a tuple
  std::optional<PickleValue> state() const;  // that the result of a call was given
  PickleValue id() const;                    // of what is persistent

 private:
  friend class Pickle;
  PickleValue(const Pickle& pickle, std::uint32_t index) : pickle_(&pickle), index_(index) {}

  const Pickle* pickle_;
  std::uint32_t index_;
};

class Pickle {
 public:
  // Reads all of the bytes, in which the strings of its values lie. What may be had of memory is a multiple of them and
  // at most some hundred million bytes; values nest 100 levels deep, and none contains itself.
  Pickle(std::string_view bytes, const PickleRules& rules);
  Pickle(const Pickle&) = delete;
  Pickle& operator=(const Pickle&) = delete;

  PickleValue root() const { return {*this, root_}; }

 private:
  friend class PickleValue;
  friend class PickleStack;
  using Index = std::uint32_t;

  struct Node {
    PickleKind kind = PickleKind::kNone;
    bool in_use = false;  // as part of another: it changes no more, so nothing comes to contain itself
    int depth = 1;
    std::int64_t integer = 0;  // or a bool
    double real = 0;
    std::string_view string = {};
    std::vector<Index> elements = {};  // or the arguments, or the id
    std::vector<Index> entries = {};   // keys and values in turns
    std::optional<Index> state = {};
  };

  std::vector<Node> nodes_;
  std::deque<std::string> unescaped_;  // strings that stand otherwise in the bytes
  Index root_ = 0;
};

}  // namespace drift
