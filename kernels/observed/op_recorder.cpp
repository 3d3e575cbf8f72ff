// See op_recorder.h.
#include "kernels/observed/op_recorder.h"

#include <algorithm>

namespace drift {

void OpRecorder::start() {
  open_ = 0;
  recording_.emplace().begin = moments_->mark();
}

OpRecorder::Recording OpRecorder::stop() {
  recording_->end = moments_->mark();
  moments_->send_home();
  return *std::exchange(recording_, std::nullopt);
}

OpRecorder::Recording OpRecorder::captured(const std::function<void()>& work) {
  outside_ = std::exchange(recording_, Recording{});
  moments_->capture_begins();
  last_.reset();
  work();
  moments_->capture_ends();
  Recording captured = *std::exchange(recording_, std::exchange(outside_, std::nullopt));
  recording_->captured = true;
  return captured;
}

void OpRecorder::replayed(const Recording& captured) {
  if (!recording_) return;
  recording_->calls.insert(recording_->calls.end(), captured.calls.begin(), captured.calls.end());
  recording_->parts.insert(recording_->parts.end(), captured.parts.begin(), captured.parts.end());
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

// Inside the layers of what is captured nothing is waited for: each begins where the one before it ended, which saves
// the device a mark. Elsewhere the host may have come late, or other workers.
OpRecorder::Mark OpRecorder::begin_of(const Identity& op) {
  return outside_ && last_ && !op.layer.empty() ? *last_ : moments_->mark();
}

void OpRecorder::run(const Op& op) {
  if (!recording_) return ForwardingBackend::run(op);
  const std::size_t identity = identity_of(op);
  const Mark begin = begin_of(identities_[identity]);
  KernelWatch* const kernels = outside_ ? kernels_.get() : nullptr;
  if (kernels != nullptr) kernels->operation_begins(identity);
  ForwardingBackend::run(op);
  if (kernels != nullptr) kernels->operation_ends();
  last_ = moments_->mark();
  recording_->calls.push_back({.identity = identity, .begin = begin, .end = *last_});
}

void OpRecorder::begin_span(std::string_view name) {
  ForwardingBackend::begin_span(name);
  if (!recording_) return;
  if (open_ == spans_.size()) spans_.emplace_back();
  OpenSpan& span = spans_[open_++];
  span.name = name;
  const auto part = std::ranges::find(names_of_parts_, name);
  span.part = part == names_of_parts_.end() ? std::nullopt : std::optional(*part);
  if (span.part) last_ = span.begin = moments_->mark();
}

void OpRecorder::end_span() {
  ForwardingBackend::end_span();
  if (!recording_ || open_ == 0) return;  // one that began before the recording did
  const OpenSpan& span = spans_[--open_];
  if (!span.part) return;
  last_ = moments_->mark();
  recording_->parts.push_back({.name = *span.part, .begin = span.begin, .end = *last_});
}

}  // namespace drift
