#include "core/pickle_stack.h"

#include <algorithm>
#include <utility>

#include "core/text.h"

namespace drift {
namespace {

constexpr std::size_t kMaxValues = 1 << 20;  // and memo entries: about a hundred bytes each
constexpr int kMaxDepth = 100;

}  // namespace

PickleStack::Index PickleStack::result() {
  const Index result = pop();
  if (!stack_.empty() || !marks_.empty()) fail("{} more values than one at the end", stack_.size() + marks_.size());
  return result;
}

void PickleStack::push(Node node) {
  if (nodes_.size() == kMaxValues) fail("more than {} values", kMaxValues);
  stack_.push_back(static_cast<Index>(nodes_.size()));
  nodes_.push_back(std::move(node));
}

void PickleStack::push_global(std::string_view module, std::string_view name) {
  const std::string full = fmt::format("{}.{}", module, name);
  const auto allowed = std::ranges::find(rules_.globals, full);
  if (allowed == rules_.globals.end()) {
    constexpr std::size_t kShown = 200;
    const std::string shown = full.substr(0, kShown);
    fail("global '{}' is not among those that are read here.{}", is_utf8(shown) ? shown : "?", advice());
  }
  push({.kind = PickleKind::kGlobal, .string = *allowed});
}

void PickleStack::push_named_global() {
  const std::vector<Index> parts = pop_last(2);
  const Node &module = nodes_[parts[0]], &name = nodes_[parts[1]];
  if (module.kind != PickleKind::kText || name.kind != PickleKind::kText) fail("a global named by no texts");
  push_global(module.string, name.string);
}

void PickleStack::push_sequence(PickleKind kind, const std::vector<Index>& elements) {
  push({.kind = kind});
  attach(top(), top().elements, elements);
}

void PickleStack::push_dict() {
  const std::vector<Index> entries = pop_to_mark();
  push({.kind = PickleKind::kDict});
  set_entries(entries);
}

void PickleStack::push_call() {
  const std::vector<Index> parts = pop_last(2);
  const Node &callee = nodes_[parts[0]], &arguments = nodes_[parts[1]];
  if (callee.kind != PickleKind::kGlobal || arguments.kind != PickleKind::kTuple) {
    fail("a call of {} with {}: only globals are called, with tuples", name_of(callee.kind), name_of(arguments.kind));
  }
  push({.kind = PickleKind::kCall, .string = callee.string});
  attach(top(), top().elements, {parts[1]});
}

void PickleStack::push_persistent() {
  push_sequence(PickleKind::kPersistent, pop_last(1));
}

void PickleStack::push_memoized(std::int64_t key) {
  const auto found = memo_.find(key);
  if (found == memo_.end()) fail("memo entry {} is asked for before it is there", key);
  stack_.push_back(found->second);
}

void PickleStack::memoize(std::int64_t key) {
  top();
  memo_[key] = stack_.back();
  if (memo_.size() > kMaxValues) fail("more than {} memo entries", kMaxValues);
}

void PickleStack::append(const std::vector<Index>& elements) {
  Node& list = top();
  expect(list.kind == PickleKind::kList, list, "a list");
  attach(list, list.elements, elements);
}

void PickleStack::set_entries(const std::vector<Index>& entries) {
  Node& dict = top();
  expect(dict.kind == PickleKind::kDict || dict.kind == PickleKind::kCall, dict, "a dict");
  if (entries.size() % 2 != 0) fail("a key without a value");
  attach(dict, dict.entries, entries);
}

void PickleStack::set_state() {
  const Index state = pop();
  Node& call = top();
  expect(call.kind == PickleKind::kCall && !call.state, call, "a call without a state");
  note_part(call, state);
  call.state = state;
}

PickleStack::Node& PickleStack::top() {
  if (stack_.size() == (marks_.empty() ? 0 : marks_.back())) fail("a value is missing on the stack");
  return nodes_[stack_.back()];
}

PickleStack::Index PickleStack::pop() {
  top();
  const Index index = stack_.back();
  stack_.pop_back();
  return index;
}

std::vector<PickleStack::Index> PickleStack::pop_last(std::size_t count) {
  std::vector<Index> values(count);
  for (std::size_t i = count; i > 0; --i) values[i - 1] = pop();
  return values;
}

std::vector<PickleStack::Index> PickleStack::pop_to_mark() {
  if (marks_.empty()) fail("a mark is missing");
  const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<Index> values(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return values;
}

void PickleStack::expect(bool fits, const Node& found, std::string_view expected) const {
  if (!fits) fail("{} where {} is expected", name_of(found.kind), expected);
}

void PickleStack::attach(Node& whole, std::vector<Index>& parts, const std::vector<Index>& added) {
  for (const Index part : added) note_part(whole, part);
  parts.insert(parts.end(), added.begin(), added.end());
}

void PickleStack::note_part(Node& whole, Index index) {
  Node& part = nodes_[index];
  part.in_use = true;
  if (whole.in_use) fail("{} that is part of another value, or of itself, is changed", name_of(whole.kind));
  whole.depth = std::max(whole.depth, part.depth + 1);
  if (whole.depth > kMaxDepth) fail("values nest more than {} levels deep", kMaxDepth);
}

}  // namespace drift
