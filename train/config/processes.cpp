#include "train/config/processes.h"

#include "comm/link.h"
#include "core/check.h"
#include "train/config/option_kinds.h"

namespace drift {

using namespace options;

namespace {

bool is_link(std::string_view text) {
  return parse_link(text).has_value();
}

}  // namespace

void check(const ProcessesConfig& config, const SyncConfig& sync, int workers_per_process) {
  DRIFT_CHECK(kConfig, workers_per_process % sync.node_workers == 0,
              "a node of --node-workers {} would lie in several processes, which have {} workers each: give a number "
              "that divides that, or fewer processes",
              sync.node_workers, workers_per_process);
  DRIFT_CHECK(kConfig, config.reduce == Reduce::kTree || sync.wire.type == DType::kFloat32,
              "--wire {} rounds the sums of the tree, and with --reduce fast the library sums: leave out one of them",
              name_of(sync.wire.type));
}

std::vector<Option> processes_options() {
  return section(
      "Several processes, started by mpirun, srun or drift launch",
      {choice(row("reduce", "", "averages between processes: bits of one process, or the library's all-reduce"),
              {{"tree", Reduce::kTree}, {"fast", Reduce::kFast}}, DRIFT_FIELD(processes.reduce)),
       free_on_resume(on_off(row("overlap", "", "averages between processes begin while backward goes on"),
                             DRIFT_FIELD(processes.overlap))),
       free_on_resume(number(row("bucket-mb", "MB", "parts that begin together; 0: 4, or an eighth of the parameters"),
                             at_least(0), DRIFT_FIELD(processes.bucket_megabytes))),
       free_on_resume(number(row("comm-timeout", "S", "seconds until a process that does not come or answer ends all"),
                             {.min = 1, .max = 1e6}, DRIFT_FIELD(processes.timeout_seconds))),
       free_on_resume(number(row("control-port", "N", "TCP port on which process 0 is reached; 0: any free one"),
                             {.min = 0, .max = 65535}, DRIFT_FIELD(processes.control_port))),
       free_on_resume(
           allowing("a rate and a latency such as 10Gbit,50us, and perhaps jitter: 100Mbit,1ms,200us",
                    text(row("link", "RATE,LATENCY[,JITTER]", "emulate such a network between CPU processes"),
                         DRIFT_FIELD(processes.link), is_link)))});
}

}  // namespace drift
