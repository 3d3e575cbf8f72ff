#include "train/team_link.h"

#include "core/check.h"

namespace drift {
TeamLink::TeamLink(const Membership& membership, std::function<void(std::string_view)> abort)
    : membership_(membership), abort_(std::move(abort)), gate_(*membership.control) {
  membership_.control->listen(this);
}

TeamLink::~TeamLink() {
  membership_.control->listen(nullptr);
}

void TeamLink::fail(std::exception_ptr error) noexcept {
  const Error caught = caught_error(error);
  gate_.fail(std::move(error));
  membership_.control->fail(caught.kind(), caught.report());
}

void TeamLink::failed(const TeamFailure& failure) {
  const Error error = as_error(failure);
  gate_.fail(std::make_exception_ptr(error));
  abort_(error.message());
}

void TeamLink::told(int process, std::string_view message) {
  const std::lock_guard lock(mutex_);
  told_.emplace_back(process, message);
}

std::vector<StepReport> TeamLink::take_reports() {
  std::deque<std::pair<int, std::string>> lines;
  {
    const std::lock_guard lock(mutex_);
    lines.swap(told_);
  }
  std::vector<StepReport> reports;
  for (const auto& [process, line] : lines) {
    reports.push_back(decode_report(line));
    const int worker = reports.back().worker;
    DRIFT_CHECK(kComm,
                worker >= 0 && worker < membership_.team.workers && membership_.team.process_of(worker) == process,
                "process {} reports a step of worker {}, which is not its own", process, worker);
  }
  return reports;
}

bool TeamLink::meet(bool stop) {
  const std::string step = std::to_string(gate_.end());
  const std::vector<std::string> said = membership_.control->gather("steps", step + (stop ? " stop" : ""));
  bool any = gate_.leaves();
  for (std::size_t process = 0; process < said.size(); ++process) {
    const std::string_view theirs = said[process];
    const bool stops = theirs.ends_with(" stop");
    DRIFT_CHECK(kComm, theirs.substr(0, theirs.find(' ')) == step,
                "process {} has done {} steps, process {} has done {}", process, theirs, membership_.team.process,
                step);
    any = any || stops;
  }
  return any;
}

}  // namespace drift
