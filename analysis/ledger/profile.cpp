#include "analysis/ledger/profile.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "core/check.h"
#include "core/file_errors.h"

namespace drift {
namespace fs = std::filesystem;
namespace {

void keep_complete_steps(std::vector<Profile::RecordedStep>& steps, int workers) {
  std::ranges::sort(steps, {},
                    [](const Profile::RecordedStep& step) { return std::tuple(step.of.step, step.of.worker); });
  std::map<Step, int> count;
  for (const Profile::RecordedStep& step : steps) ++count[step.of.step];
  std::erase_if(steps, [&](const Profile::RecordedStep& step) { return count[step.of.step] != workers; });
}

}  // namespace

bool has_profile(const fs::path& run) {
  return with_file_errors(ErrorKind::kData, [&] { return fs::is_regular_file(profile_path(run, 0)); });
}

Profile read_profile(const fs::path& run) {
  DRIFT_CHECK(kUsage, has_profile(run), "{} has no profile: train it with --profile, or --profile-every N",
              run.string());
  Profile profile;
  OpIds ids;
  // Where a later session began, the steps of those before end.
  std::map<std::int64_t, Step> ends;
  std::vector<RecordedSession> all = read_profile_file(profile_path(run, 0));
  for (const RecordedSession& session : all) {
    profile.sessions.push_back(session.session);
    for (auto& [number, end] : ends) end = std::min(end, session.session.first_step);
    ends[session.session.number] = std::numeric_limits<Step>::max();
  }
  DRIFT_CHECK(kData, !all.empty(), "{} has no session in it", profile_path(run, 0).string());
  for (int process = 1; with_file_errors(ErrorKind::kData, [&] { return fs::exists(profile_path(run, process)); });
       ++process) {
    std::ranges::move(read_profile_file(profile_path(run, process)), std::back_inserter(all));
  }
  for (RecordedSession& session : all) {
    const auto end = ends.find(session.session.number);
    if (end == ends.end()) continue;  // process 0 was killed before it said so
    std::vector<std::int64_t> own;
    for (const ProfiledOp& op : session.ops) {
      const OpIds::Id id = ids.of(op);
      if (id.is_new) profile.ops.push_back(op);
      own.push_back(id.number);
    }
    const auto place = std::distance(ends.begin(), end);
    for (ProfiledStep& step : session.steps) {
      if (step.step >= end->second) continue;
      for (ProfiledCall& call : step.calls) call.op = own[static_cast<std::size_t>(call.op)];
      profile.steps.push_back({std::move(step), session.session.process, static_cast<std::size_t>(place)});
    }
    for (ProfiledKernel& kernel : session.kernels) {
      kernel.op = own[static_cast<std::size_t>(kernel.op)];
      profile.kernels.push_back(std::move(kernel));
    }
    if (session.cost) profile.cost.add(*session.cost);
  }
  keep_complete_steps(profile.steps, profile.latest().workers);
  return profile;
}

}  // namespace drift
