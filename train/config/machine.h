// MachineConfig: where a run computes, in which precision and with how many threads.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/step.h"
#include "kernels/backend.h"
#include "train/config/option.h"

namespace drift {

// A worker that is slow on purpose.
struct Straggler {
  int worker = 0;
  double factor = 1;  // that everything takes longer
};

// Steps [first, last).
struct StepRange {
  Step first = 0, last = 0;
};

struct MachineConfig {
  DType precision = DType::kFloat32;
  std::string device = "auto";                                // auto | cpu | cuda | cuda:N
  ConvolutionChoice convolutions = ConvolutionChoice::kAuto;  // on a CPU: direct, by Winograd, or by shape
  bool tf32 = false;                                     // on a GPU: float32 convolutions and matmuls may round to TF32
  bool graphs = true;                                    // on a GPU: capture each kind of step once and replay it
  BatchNormKernels batch_norm = BatchNormKernels::kOwn;  // on a GPU
  int nccl_multiprocessors = 0;  // on a GPU: that NCCL may use and batch norms leave to it; 0: no limits
  bool time_plans = false;       // on a GPU: the fastest engine of cuDNN for each convolution, not the first it advises
  std::string plan_file;         // on a GPU: plans of cuDNN, read and added to; "": none
  bool explain_plans = false;    // on a GPU: print each plan of cuDNN that is built
  bool op_times = false;         // time by kind of operation; steps are then not captured
  bool profile = false;          // record whole steps, profiled_rounds() apart
  std::optional<std::int64_t> profile_every = {};  // the same, so many rounds apart
  bool profile_kernels = false;                    // the same, on a GPU with the kernels of captured steps
  int threads = 0;                                 // CPU threads in all; 0: all cores
  int worker_threads = 0;                          // per worker; 0: threads / min(K, threads)
  double device_timeout_seconds = 120;             // on a GPU: without progress
  std::optional<int> loader_threads;               // of a process; none: 0 for images in memory, else `threads`
  std::string straggler = {};  // "1:1.5": on a CPU, workers that compute so many times as long; "": none

  std::string capture_range = {};  // "100:110": on a GPU, steps that a profiler records; "": none

  std::vector<Straggler> stragglers() const;        // those of `straggler`
  std::optional<StepRange> captured_steps() const;  // those of `capture_range`
  bool profiles() const { return profile || profile_every || profile_kernels; }
  // Of how many rounds one is recorded there. Marks take longer on a GPU than on a CPU, and its operations less.
  std::int64_t profiled_rounds(DeviceType where) const {
    return profile_every.value_or(where == DeviceType::kCpu ? kProfiledOnCpu : kProfiledOnGpu);
  }
  static constexpr std::int64_t kProfiledOnCpu = 4, kProfiledOnGpu = 32;

  // On a GPU: the events of op_times belong to calls, not to a captured whole.
  bool captures_steps() const { return graphs && !op_times; }
};

// Of MachineConfig::straggler: "1:1.5" or "1:1.5,3:2", factors from 1 to 1000, each worker once; std::nullopt
// for what is none of that.
std::optional<std::vector<Straggler>> parse_stragglers(std::string_view text);

// Of MachineConfig::capture_range: "100:110", at least one step; std::nullopt for what is none of that.
std::optional<StepRange> parse_step_range(std::string_view text);

std::vector<Option> machine_options();

}  // namespace drift
