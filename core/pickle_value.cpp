// The values of a pickle as their readers see them (core/pickle.h): each looks into the nodes that the opcodes made.
#include "core/check.h"
#include "core/pickle.h"

namespace drift {

std::string_view name_of(PickleKind kind) {
  switch (kind) {
    case PickleKind::kNone:
      return "None";
    case PickleKind::kBool:
      return "a bool";
    case PickleKind::kInteger:
      return "an integer";
    case PickleKind::kFloat:
      return "a float";
    case PickleKind::kText:
      return "a text";
    case PickleKind::kBytes:
      return "bytes";
    case PickleKind::kList:
      return "a list";
    case PickleKind::kTuple:
      return "a tuple";
    case PickleKind::kDict:
      return "a dict";
    case PickleKind::kGlobal:
      return "a global";
    case PickleKind::kCall:
      return "a call";
    case PickleKind::kPersistent:
      return "a persistent id";
  }
  return "?";
}

namespace {

template <class... Kinds>
void expect(PickleKind found, Kinds... allowed) {
  DRIFT_ASSERT(((found == allowed) || ...), "asked {} for what it does not have", name_of(found));
}

}  // namespace

PickleKind PickleValue::kind() const {
  return pickle_->nodes_[index_].kind;
}

bool PickleValue::boolean() const {
  expect(kind(), PickleKind::kBool);
  return pickle_->nodes_[index_].integer != 0;
}

std::int64_t PickleValue::integer() const {
  expect(kind(), PickleKind::kInteger);
  return pickle_->nodes_[index_].integer;
}

double PickleValue::real() const {
  expect(kind(), PickleKind::kFloat);
  return pickle_->nodes_[index_].real;
}

std::string_view PickleValue::string() const {
  expect(kind(), PickleKind::kText, PickleKind::kBytes);
  return pickle_->nodes_[index_].string;
}

std::string_view PickleValue::global() const {
  expect(kind(), PickleKind::kGlobal, PickleKind::kCall);
  return pickle_->nodes_[index_].string;
}

std::size_t PickleValue::size() const {
  expect(kind(), PickleKind::kList, PickleKind::kTuple);
  return pickle_->nodes_[index_].elements.size();
}

PickleValue PickleValue::operator[](std::size_t i) const {
  DRIFT_ASSERT(i < size(), "element {} of {}", i, size());
  return {*pickle_, pickle_->nodes_[index_].elements[i]};
}

std::size_t PickleValue::entries() const {
  expect(kind(), PickleKind::kDict, PickleKind::kCall);
  return pickle_->nodes_[index_].entries.size() / 2;
}

PickleValue PickleValue::key(std::size_t i) const {
  DRIFT_ASSERT(i < entries(), "key {} of {}", i, entries());
  return {*pickle_, pickle_->nodes_[index_].entries[2 * i]};
}

PickleValue PickleValue::value(std::size_t i) const {
  DRIFT_ASSERT(i < entries(), "value {} of {}", i, entries());
  return {*pickle_, pickle_->nodes_[index_].entries[2 * i + 1]};
}

std::optional<PickleValue> PickleValue::find(std::string_view key) const {
  for (std::size_t i = entries(); i > 0; --i) {
    const PickleValue candidate = this->key(i - 1);
    const bool is_string = candidate.is(PickleKind::kText) || candidate.is(PickleKind::kBytes);
    if (is_string && candidate.string() == key) return value(i - 1);
  }
  return std::nullopt;
}

bool PickleValue::is_call_of(std::string_view global) const {
  return is(PickleKind::kCall) && this->global() == global;
}

PickleValue PickleValue::arguments() const {
  expect(kind(), PickleKind::kCall);
  return {*pickle_, pickle_->nodes_[index_].elements.front()};
}

PickleValue PickleValue::id() const {
  expect(kind(), PickleKind::kPersistent);
  return {*pickle_, pickle_->nodes_[index_].elements.front()};
}

std::optional<PickleValue> PickleValue::state() const {
  expect(kind(), PickleKind::kCall);
  const std::optional<Pickle::Index> state = pickle_->nodes_[index_].state;
  return state ? std::optional(PickleValue(*pickle_, *state)) : std::nullopt;
}

}  // namespace drift
