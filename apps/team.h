// What the processes of a job do together around a run: agree on what it is, share its directory, and end as one.
#pragma once

#include <exception>
#include <filesystem>
#include <functional>
#include <string>

#include "comm/job.h"
#include "comm/launch.h"
#include "core/error.h"
#include "data/dataset.h"
#include "train/config/processes.h"

namespace drift {

class SetupStop;

// What must be the same in every process. Texts, that name what differs where they do.
struct StartingPoint {
  std::string config;  // TOML
  std::string data;    // data/fingerprint.h
  std::string state;   // that training begins with: the step, and the model or checkpoint
};
// Throws kComm, naming a process that has another build, config, data or state. Warns where CPUs differ.
void agree_on_start(Control& control, const StartingPoint& start);

// The directory of process 0, everywhere; absolute. Throws kComm, naming the process, where one does not see the same
// directory.
std::filesystem::path share_directory(const Job& job, const std::filesystem::path& directory);

// This process has failed with `error`: tells the others. Returns what failed first in the job: that, or another's,
// which then is named.
Error first_error(const Job& job, const Error& error);

// Runs `body` and returns its exit code. If it throws in any process, all end with the exit code of what failed first,
// and one of them says why: process 0, unless it is the one that is lost.
int run_in_job(const Job& job, const std::function<int()>& body);

// Reads what was asked before the processes of a launch have met. What is wrong then is thrown where there is one
// process, and else returned, for all to say it once they have met.
std::exception_ptr wrong_before_meeting(const Launch& launch, const std::function<void()>& read);
// They meet, and run `body` as in run_in_job(); `wrong` is thrown there, if it is anything.
int meet_and_run(const Launch& launch, const ProcessesConfig& processes, const std::exception_ptr& wrong,
                 SetupStop& setup, const std::function<int(const Job&)>& body);

}  // namespace drift
