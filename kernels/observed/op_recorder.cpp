// See op_recorder.h.
#include "kernels/observed/op_recorder.h"

#include <algorithm>

namespace drift {

void OpRecorder::start() {
  calls_.clear();
  parts_.clear();
  open_ = 0;
  recording_ = true;
}

std::size_t OpRecorder::identity_of(const Op& op) {
  std::string_view part, layer;
  for (const OpenSpan& span : std::span(spans_).first(open_)) {
    if (span.part) part = *span.part;
    layer = span.part || part.empty() ? std::string_view() : std::string_view(span.name);
  }
  const OpCost cost = cost_of(op);
  const std::string_view name = name_of(op);
  const auto known = known_.find({name.data(), part, layer, cost.bytes, cost.multiply_adds});
  if (known != known_.end()) return known->second;
  const Identity& added = identities_.emplace_back(
      Identity{.op = name, .part = std::string(part), .layer = std::string(layer), .cost = cost});
  known_.emplace(Key{name.data(), added.part, added.layer, cost.bytes, cost.multiply_adds}, identities_.size() - 1);
  return identities_.size() - 1;
}

void OpRecorder::run(const Op& op) {
  if (!recording_) return ForwardingBackend::run(op);
  const std::size_t identity = identity_of(op);
  const double begin = clock_.seconds();
  ForwardingBackend::run(op);
  calls_.push_back({.identity = identity, .begin = begin, .end = clock_.seconds()});
}

void OpRecorder::begin_span(std::string_view name) {
  ForwardingBackend::begin_span(name);
  if (!recording_) return;
  if (open_ == spans_.size()) spans_.emplace_back();
  OpenSpan& span = spans_[open_++];
  span.name = name;
  const auto part = std::ranges::find(names_of_parts_, name);
  span.part = part == names_of_parts_.end() ? std::nullopt : std::optional(*part);
  if (span.part) span.begin = clock_.seconds();
}

void OpRecorder::end_span() {
  ForwardingBackend::end_span();
  if (!recording_ || open_ == 0) return;  // one that began before the recording did
  const OpenSpan& span = spans_[--open_];
  if (span.part) parts_.push_back({.name = *span.part, .begin = span.begin, .end = clock_.seconds()});
}

}  // namespace drift
