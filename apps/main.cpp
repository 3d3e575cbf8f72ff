// drift: one binary, subcommands. Here is their table, and how errors become exit codes (core/check.h has the list).
#include <algorithm>
#include <array>
#include <cstdlib>
#include <fmt/format.h>
#include <string>
#include <vector>

#include "apps/command.h"
#include "apps/output.h"
#include "core/build_info.h"
#include "core/check.h"
#include "core/log.h"
#include "core/memory_reserve.h"
#include "core/standard_streams.h"
#include "core/text.h"
#include "kernels/device_watch.h"

namespace drift {
namespace {

struct Command {
  std::string_view name, summary;
  int (*run)(int argc, char** argv);
};

constexpr std::array kCommands = {
    Command{"train", "train a network with SGD, Local SGD or Post-local SGD", run_train},
    Command{"launch", "start several processes of this machine that train together", run_launch},
    Command{"eval", "measure the accuracy of stored weights", run_eval},
    Command{"compare", "train the arms of a comparison and say how they differ", run_compare},
    Command{"report", "runs as one HTML page with figures", run_report},
    Command{"runs", "the runs of a directory: how far, how good, resumable or not", run_runs},
    Command{"profile", "where the time of a run's steps goes, with --profile", run_profile},
    Command{"trace", "what --profile recorded, as one file for Perfetto", run_trace},
    Command{"predict", "what steps will cost with other H, workers and links", run_predict},
    Command{"convert", "weights from PyTorch's format to safetensors and back", run_convert},
    Command{"describe", "layers, parameters, multiply-adds and memory of a network", run_describe},
    Command{"data", "get a data set and look at it: fetch, preview, info", run_data},
    Command{"plans", "the cuDNN plans of a network, on a GPU that need not be there", run_plans},
    Command{"doctor", "what this machine and this build offer", run_doctor},
};

void print_help() {
  print(
      "Drift trains ResNets with parallel SGD, Local SGD and Post-local SGD.\n\nUsage: drift COMMAND "
      "[flags]\n\nCommands:\n");
  for (const Command& command : kCommands) print("  {:<10} {}\n", command.name, command.summary);
  print(
      "\n  --help     this text; `drift COMMAND --help` for the flags of a command\n"
      "  --version  versions of Drift and of what it is built from\n\n"
      "Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 bug, 2 usage, 3 config, 4 data, 5 "
      "device,\n"
      "6 communication, 7 diverged, 8 checkpoint, 9 tolerance, 74 output, 75 stopped and can be resumed, 130 "
      "interrupted.\n\n"
      "A first run of about three minutes:\n  drift train --recipe recipes/quickstart.toml\n");
}

void print_version() {
  const BuildInfo& build = build_info();
  const std::string cuda = build.cuda ? fmt::format(", CUDA {}, cuDNN {}", build.cuda_toolkit, build.cudnn) : "";
  print("drift {} ({})\noneDNN {}{}, {}, {}, -march={}\n", build.version, build.git, build.onednn, cuda, build.compiler,
        build.build_type, build.arch);
}

int dispatch(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "--help";
  if (name == "--help" || name == "-h" || name == "help") {
    print_help();
    return 0;
  }
  if (name == "--version") {
    print_version();
    return 0;
  }
  const auto command =
      std::find_if(kCommands.begin(), kCommands.end(), [&](const Command& c) { return c.name == name; });
  if (command != kCommands.end()) return command->run(argc - 1, argv + 1);
  std::vector<std::string> names;
  for (const Command& known : kCommands) names.emplace_back(known.name);
  DRIFT_FAIL(kUsage, "unknown command '{}'.{} Commands: {}", name, did_you_mean(name, names), joined(names));
}

}  // namespace
}  // namespace drift

int main(int argc, char** argv) {
  drift::secure_standard_streams();
  drift::keep_memory_reserve();
  try {
    const int code = drift::dispatch(argc, argv);
    if (code == 0) drift::finish_results();  // of two errors the first is the one that is told
    return code;
  } catch (...) {
    drift::give_up_memory_reserve();
    const drift::Error error = drift::caught_error(std::current_exception());
    drift::report_error(error.report());
    const int code = drift::exit_code(error.kind());
    if (drift::device_watch().gave_up()) std::_Exit(code);  // what libraries do at the end may wait for the device
    return code;
  }
}
