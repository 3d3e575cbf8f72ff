#include "apps/team.h"

#include <exception>
#include <fmt/format.h>
#include <random>
#include <set>
#include <source_location>

#include "apps/setup_stop.h"
#include "core/atomic_file.h"
#include "core/build_info.h"
#include "core/check.h"
#include "core/file_errors.h"
#include "core/log.h"
#include "core/regular_file.h"
#include "kernels/device.h"
#include "train/runs/run_directory.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

void warn_of_other_cpus(Control& control) {
  const CpuFeatures& cpu = cpu_features();
  const std::vector<std::string> cpus = control.gather("CPU", fmt::format("{} ({})", cpu.model, cpu.instruction_sets));
  for (std::size_t process = 1; process < cpus.size(); ++process) {
    if (cpus[process] == cpus[0]) continue;
    log_warning("process {} runs on {}, process 0 on {}: the last bits of a run may depend on where its workers are",
                process, cpus[process], cpus[0]);
    return;
  }
}

std::string with_host(const std::string& text, const TeamFailure& failure, const Job& job) {
  const bool one_machine = std::set(job.hosts.begin(), job.hosts.end()).size() == 1;
  return one_machine ? text
                     : fmt::format("{} (process {} runs on {})", text, failure.process,
                                   job.hosts[static_cast<std::size_t>(failure.process)]);
}

}  // namespace

void agree_on_start(Control& control, const StartingPoint& start) {
  const BuildInfo& build = build_info();
  agree(control, "build",
        fmt::format("drift {} ({}), {}, oneDNN {}, -march={}", build.version, build.git, build.compiler, build.onednn,
                    build.arch));
  agree(control, "configuration", start.config);
  agree(control, "data set", start.data);
  agree(control, "starting point", start.state);
  warn_of_other_cpus(control);
}

fs::path share_directory(const Job& job, const fs::path& directory) {
  constexpr std::size_t kSignBytesMax = 100;
  if (job.processes == 1) return directory;
  const fs::path absolute =
      with_file_errors(ErrorKind::kUsage, [&] { return job.process == 0 ? fs::absolute(directory) : fs::path(); });
  // One of the same name on another disk is not the same: process 0 leaves a sign there.
  const std::string sign = std::to_string(std::random_device()());
  if (job.process == 0) write_file_atomically(absolute / kProcessSign, sign);
  const std::string said = job.control->gather("directory", absolute.string()).front();
  const std::string expected = job.control->gather("sign in the directory", sign).front();
  DRIFT_CHECK(kComm, text_if_there(fs::path(said) / kProcessSign, kSignBytesMax, ErrorKind::kComm) == expected,
              "on {}, process {} does not see the run directory {} of process 0 (on {}): it must be on a file system "
              "that all processes share",
              job.hosts[static_cast<std::size_t>(job.process)], job.process, said, job.hosts[0]);
  job.control->gather("directory seen", "");
  if (job.process == 0) try_remove(absolute / kProcessSign);
  return said;
}

Error first_error(const Job& job, const Error& error) {
  job.control->fail(error.kind(), error.report());
  const TeamFailure first = job.control->first_failure();
  if (first.process == job.process) return error;
  // What is known here may say more of it.
  const bool known = error.message().find(first.message) != std::string::npos;
  return known ? Error(first.kind, error.message(), {}, std::source_location::current()) : as_error(first);
}

int run_in_job(const Job& job, const std::function<int()>& body) {
  if (job.processes == 1) return body();
  std::string text;
  const auto fails_with = [&](const Error& error) {
    const Error first = first_error(job, error);
    text = job.control->first_failure().process == job.process ? first.report() : first.message();
  };
  try {
    return body();
  } catch (...) {
    fails_with(caught_error(std::current_exception()));
  }
  const TeamFailure first = job.control->first_failure();
  if (job.transport) job.transport->abort(first.message);
  if (job.process == (first.process == 0 && first.lost ? 1 : 0)) {
    // A mistake in a command is everybody's.
    const bool is_common = first.kind == ErrorKind::kUsage || first.kind == ErrorKind::kConfig;
    if (!is_common && text.find(fmt::format("process {}", first.process)) == std::string::npos) {
      text = fmt::format("process {}: {}", first.process, text);
    }
    report_error(with_host(text, first, job));
  }
  return exit_code(first.kind);
}

std::exception_ptr wrong_before_meeting(const Launch& launch, const std::function<void()>& read) {
  try {
    read();
  } catch (const Error&) {
    if (launch.processes == 1) throw;
    return std::current_exception();
  }
  return nullptr;
}

int meet_and_run(const Launch& launch, const ProcessesConfig& processes, const std::exception_ptr& wrong,
                 SetupStop& setup, const std::function<int(const Job&)>& body) {
  const Job job =
      join_launched(launch, {.control_port = processes.control_port, .timeout_seconds = processes.timeout_seconds});
  setup.joined(job);
  return run_in_job(job, [&] {
    if (wrong) std::rethrow_exception(wrong);
    return body(job);
  });
}

}  // namespace drift
