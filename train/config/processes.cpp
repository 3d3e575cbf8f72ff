#include "train/config/processes.h"

#include "train/config/option_kinds.h"

namespace drift {

using namespace options;

std::vector<Option> processes_options() {
  return section(
      "Several processes, started by mpirun, srun or drift launch",
      {choice(row("reduce", "", "averages between processes: bits of one process, or the library's all-reduce"),
              {{"tree", Reduce::kTree}, {"fast", Reduce::kFast}}, DRIFT_FIELD(processes.reduce)),
       free_on_resume(number(row("comm-timeout", "S", "seconds until a process that does not come or answer ends all"),
                             {.min = 1, .max = 1e6}, DRIFT_FIELD(processes.timeout_seconds))),
       free_on_resume(number(row("control-port", "N", "TCP port on which process 0 is reached; 0: any free one"),
                             {.min = 0, .max = 65535}, DRIFT_FIELD(processes.control_port)))});
}

}  // namespace drift
