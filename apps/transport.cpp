#include "apps/transport.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "comm/link.h"
#include "comm/nccl.h"
#include "core/check.h"
#include "kernels/cuda.h"

namespace drift {
namespace {

// Of a link that --link asks for. What crosses a real network is not kept back once more.
void check_link(const ProcessesConfig& config, const Job& job) {
  DRIFT_CHECK(kUsage, job.processes > 1,
              "--link stands between processes, and this run is one: drift launch -n 2 -- train ...");
  const bool one_host = std::ranges::all_of(job.hosts, [&](const std::string& host) { return host == job.hosts[0]; });
  DRIFT_CHECK(kUsage, one_host, "--link emulates a network on one machine, and the processes are on {} and others",
              job.hosts[0]);
  DRIFT_CHECK(kUsage, config.reduce == Reduce::kTree,
              "--link does not see what the library's all-reduce sends: leave out --reduce fast");
}

// Several processes meet over NCCL where they compute on GPUs, each on its own.
Job over_transport(Job job, const TrainConfig& config, const Launch& launch) {
  if (job.processes == 1) return job;
  Device device = choose_device(config.machine.device);
  if (device.type == DeviceType::kCpu) {
    DRIFT_CHECK(kConfig, job.transport,
                "{} are those of torchrun, whose processes meet over NCCL on GPUs; on CPUs they meet "
                "over MPI: mpirun -n {} drift train ...",
                launch.variables, launch.processes);
    return job;
  }
  DRIFT_CHECK(
      kConfig, have_nccl(),
      "{} processes on GPUs meet over NCCL, which this build does not have: run all --workers in one process, or "
      "give --device cpu",
      job.processes);
  if (config.machine.device == "auto" || config.machine.device == "cuda") {
    device.index = job.local_process;
    DRIFT_CHECK(kDevice, device.index < cuda_device_count(),
                "on {}, process {} is number {} of this machine, which has {} GPUs: start one process for each GPU",
                job.hosts[static_cast<std::size_t>(job.process)], job.process, device.index + 1, cuda_device_count());
  }
  return on_gpus(std::move(job), device,
                 {.timeout_seconds = config.processes.timeout_seconds,
                  .nccl_multiprocessors = config.machine.nccl_multiprocessors});
}

}  // namespace

Job with_transport(Job job, const TrainConfig& config, const Launch& launch) {
  const std::optional<LinkOptions> link = parse_link(config.processes.link);
  if (link) check_link(config.processes, job);
  job = over_transport(std::move(job), config, launch);
  if (link) job.transport = behind_link(std::move(job.transport), *link);
  return job;
}

}  // namespace drift
