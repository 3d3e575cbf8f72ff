// ProcessesConfig: how the processes of a team deal with each other. Only the way to reduce can change bits of the run.
#pragma once

#include <string>
#include <vector>

#include "comm/exchange.h"
#include "train/config/option.h"
#include "train/config/sync.h"

namespace drift {

struct ProcessesConfig {
  Reduce reduce = Reduce::kTree;
  double timeout_seconds = 300;  // for all to come; after that, silence of a process
  int control_port = 0;          // where process 0 listens; 0: any free one
  bool overlap = true;           // averages between processes begin while backward goes on
  double bucket_megabytes = 0;   // parts of about that size; 0: 4, or an eighth of the parameters if that is less
  std::string link = {};         // "10Gbit,50us": emulated between them (comm/link.h); "": none
};

std::vector<Option> processes_options();

// Throws kConfig where a team's processes, of so many workers each, cannot do what is asked of its workers.
void check(const ProcessesConfig& config, const SyncConfig& sync, int workers_per_process);

}  // namespace drift
