// The stack on which the opcodes of a pickle make its values: with marks, a memo, and the bounds of both. Values go
// into the nodes of a Pickle. For core/pickle.cpp alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/check.h"
#include "core/pickle.h"

namespace drift {

class PickleStack {
 public:
  using Index = Pickle::Index;
  using Node = Pickle::Node;

  PickleStack(std::vector<Node>& nodes, const PickleRules& rules) : nodes_(nodes), rules_(rules) {}

  // Where the opcode stands that comes next, for messages.
  void at(std::size_t offset) { offset_ = offset; }
  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    DRIFT_FAIL_AS(rules_.kind, "{}: pickle, byte {}: {}", rules_.file, offset_,
                  fmt::format(format, std::forward<Args>(args)...));
  }
  std::string advice() const { return rules_.advice.empty() ? "" : " " + rules_.advice; }

  void push(Node node);
  void push_global(std::string_view module, std::string_view name);
  // Of what lies on the stack.
  void push_named_global();
  void push_sequence(PickleKind kind, const std::vector<Index>& elements);
  void push_dict();
  void push_call();
  void push_persistent();

  void push_memoized(std::int64_t key);
  void memoize(std::int64_t key);
  void memoize_next() { memoize(static_cast<std::int64_t>(memo_.size())); }

  // Change the value below what they take.
  void append(const std::vector<Index>& elements);
  void set_entries(const std::vector<Index>& entries);
  void set_state();

  void mark() { marks_.push_back(stack_.size()); }
  std::vector<Index> pop_last(std::size_t count);
  std::vector<Index> pop_to_mark();
  // The one value that is left.
  Index result();

 private:
  Node& top();
  Index pop();
  void attach(Node& whole, std::vector<Index>& parts, const std::vector<Index>& added);
  void note_part(Node& whole, Index index);
  void expect(bool fits, const Node& found, std::string_view expected) const;

  std::vector<Node>& nodes_;
  const PickleRules& rules_;
  std::size_t offset_ = 0;
  std::vector<Index> stack_;
  std::vector<std::size_t> marks_;  // sizes of the stack
  std::unordered_map<std::int64_t, Index> memo_;
};

}  // namespace drift
