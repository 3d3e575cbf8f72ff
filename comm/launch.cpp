#include "comm/launch.h"

#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "comm/mpi.h"
#include "core/check.h"
#include "core/text.h"

namespace drift {
namespace {

struct Source {
  Launcher launcher;
  const char* process;
  const char* processes;
};

constexpr Source kOpenMpi{Launcher::kMpi, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"};
constexpr Source kPmi{Launcher::kMpi, "PMI_RANK", "PMI_SIZE"};
constexpr Source kSlurm{Launcher::kMpi, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"};
constexpr Source kTorch{Launcher::kTorchrun, "RANK", "WORLD_SIZE"};

int number(const char* name, const char* text) {
  const std::optional<std::int64_t> value = parse_integer(text);
  DRIFT_CHECK(kConfig, value && *value >= 0 && std::in_range<int>(*value), "{} is '{}', expected a number", name, text);
  return static_cast<int>(*value);
}

}  // namespace

Launch detect_launch(const std::function<const char*(const char*)>& variable) {
  const auto read = [&](const Source& source) -> std::optional<Launch> {
    const char* const process = variable(source.process);
    const char* const processes = variable(source.processes);
    if (processes == nullptr) return std::nullopt;
    DRIFT_CHECK(kConfig, process != nullptr || number(source.processes, processes) <= 1,
                "{} says that there are {} processes, and {} does not say which one this is", source.processes,
                processes, source.process);
    if (process == nullptr) return std::nullopt;
    Launch launch;
    launch.launcher = source.launcher;
    launch.variables = fmt::format("{} and {}", source.process, source.processes);
    launch.process = number(source.process, process);
    launch.processes = number(source.processes, processes);
    DRIFT_CHECK(kConfig, launch.process < launch.processes, "{} are {} and {}: there is no such process",
                launch.variables, launch.process, launch.processes);
    return launch;
  };
  std::vector<Launch> found;
  for (const Source& source : {kOpenMpi, kPmi, kTorch}) {
    if (const auto launch = read(source)) found.push_back(*launch);
  }
  if (found.empty()) return read(kSlurm).value_or(Launch{});
  if (Launch& first = found.front(); first.launcher == Launcher::kTorchrun && first.processes > 1) {
    const char* const host = variable("MASTER_ADDR");
    const char* const port = variable("MASTER_PORT");
    const char* const id = variable("TORCHELASTIC_RUN_ID");
    DRIFT_CHECK(kConfig, host != nullptr && port != nullptr,
                "{} are set, and MASTER_ADDR or MASTER_PORT is not: nobody says where process 0 is", first.variables);
    first.host = host;
    first.port = number("MASTER_PORT", port) + 1;
    first.token = id == nullptr ? "torchrun" : id;
  }
  for (const Launch& other : found) {
    DRIFT_CHECK(
        kConfig, other.process == found[0].process && other.processes == found[0].processes,
        "two launchers disagree: {} say process {} of {}, {} say process {} of {}. Use one, and unset the other's "
        "variables",
        found[0].variables, found[0].process, found[0].processes, other.variables, other.process, other.processes);
  }
  return found[0];
}

Launch detect_launch() {
  return detect_launch([](const char* name) { return std::getenv(name); });
}

Job join_launched(const Launch& launch, const JobOptions& options) {
  if (launch.processes == 1) return lone_job();
  if (launch.launcher == Launcher::kTorchrun) {
    return join_job({.process = launch.process,
                     .processes = launch.processes,
                     .hosts = {launch.host},
                     .port = options.control_port != 0 ? options.control_port : launch.port,
                     .token = launch.token,
                     .timeout_seconds = options.timeout_seconds});
  }
  std::shared_ptr<Transport> transport = make_mpi_transport({.timeout_seconds = options.timeout_seconds});
  DRIFT_CHECK(
      kConfig, transport->processes() == launch.processes && transport->process() == launch.process,
      "{} say process {} of {}, and MPI says {} of {}: the launcher does not speak to this MPI. With Slurm: srun "
      "--mpi=pmix; otherwise the mpirun of the MPI that Drift was built with",
      launch.variables, launch.process, launch.processes, transport->process(), transport->processes());
  return join_job(std::move(transport), options);
}

}  // namespace drift
