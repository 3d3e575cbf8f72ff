#include "comm/control/hub.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/check.h"
#include "core/text.h"

namespace drift {
namespace {

Frame has_left(int process) {
  return failure_frame(ErrorKind::kComm, process, "has finished and left, while others wait for it");
}

}  // namespace

Frame failure_frame(ErrorKind kind, int process, std::string_view message) {
  return {FrameKind::kFailed, {std::to_string(static_cast<int>(kind)), std::to_string(process), std::string(message)}};
}

TeamFailure failure_in(const Frame& frame) {
  require_fields(frame, 3);
  const std::int64_t kind = number_in(frame, 0);
  DRIFT_CHECK(kComm, kind >= 0 && kind <= static_cast<int>(ErrorKind::kStopped),
              "a control frame with an error of unknown kind {}", kind);
  return {.kind = static_cast<ErrorKind>(kind),
          .process = static_cast<int>(number_in(frame, 1)),
          .message = frame.fields[2]};
}

std::int64_t number_in(const Frame& frame, std::size_t field) {
  const std::string& text = frame.fields.at(field);
  const std::optional<std::int64_t> number = parse_integer(text);
  DRIFT_CHECK(kComm, number, "a control frame has '{}' where a number is expected", text.substr(0, 40));
  return *number;
}

void require_fields(const Frame& frame, std::size_t count) {
  DRIFT_CHECK(kComm, frame.fields.size() == count, "a control frame of kind {} with {} fields instead of {}",
              static_cast<int>(frame.kind), frame.fields.size(), count);
}

std::vector<Frame> Hub::receive(int from, const Frame& frame) {
  switch (frame.kind) {
    case FrameKind::kGather:
      require_fields(frame, 2);
      return gather(from, frame);
    case FrameKind::kStop:
      if (std::exchange(stopping_, true)) return {};
      return {{FrameKind::kHold}};
    case FrameKind::kHeld:
      require_fields(frame, 1);
      return held(from, number_in(frame, 0));
    case FrameKind::kFailed:
      failure_in(frame);  // throws for what nobody could read
      return fail(frame);
    case FrameKind::kBye:
      gone_.insert(from);
      return anyone_waits() ? fail(has_left(from)) : std::vector<Frame>{};
    case FrameKind::kAlive:
      return {};
    default:
      DRIFT_FAIL(kComm, "process {} says what only process 0 says (kind {})", from, static_cast<int>(frame.kind));
  }
}

std::vector<Frame> Hub::lost(int process, const std::string& how) {
  if (gone_.contains(process)) return {};
  return fail(failure_frame(ErrorKind::kComm, process, how));
}

bool Hub::anyone_waits() const {
  return std::ranges::any_of(values_, [](const auto& value) { return value.has_value(); });
}

std::vector<Frame> Hub::gather(int from, const Frame& frame) {
  if (!gone_.empty()) return fail(has_left(*gone_.begin()));
  values_[static_cast<std::size_t>(from)] = frame;
  if (!std::ranges::all_of(values_, [](const auto& value) { return value.has_value(); })) return {};
  const std::string what = values_.front()->fields[0];
  Frame answer{FrameKind::kGathered};
  for (int process = 0; process < processes_; ++process) {
    const Frame& said = *values_[static_cast<std::size_t>(process)];
    if (said.fields[0] != what) {
      return fail(
          failure_frame(ErrorKind::kComm, process,
                        fmt::format("asks for '{}' while process 0 asks for '{}': the programs or their options differ",
                                    said.fields[0], what)));
    }
    answer.fields.push_back(said.fields[1]);
  }
  std::ranges::fill(values_, std::nullopt);
  return {answer};
}

std::vector<Frame> Hub::held(int from, Step step) {
  held_[static_cast<std::size_t>(from)] = step;
  if (!std::ranges::all_of(held_, [](const auto& one) { return one.has_value(); })) return {};
  const Step last = **std::ranges::max_element(held_, {}, [](const auto& one) { return *one; });
  std::ranges::fill(held_, std::nullopt);
  return {{FrameKind::kLeaveAt, {std::to_string(last)}}};
}

std::vector<Frame> Hub::fail(const Frame& failure) {
  if (std::exchange(failed_, true)) return {};
  return {failure};
}

}  // namespace drift
