#include "train/config/machine.h"

#include <algorithm>

#include "train/config/option_kinds.h"

namespace drift {

using namespace options;

namespace {

constexpr Range kThreads{.min = 0, .max = 1024};  // OpenMP keeps what it says to each on the stack of the first

bool names_device(std::string_view text) {
  if (text == "auto" || text == "cpu" || text == "cuda") return true;
  const std::optional<std::int64_t> index = text.starts_with("cuda:") ? parse_integer(text.substr(5)) : std::nullopt;
  return index && *index >= 0;
}

bool is_step_range(std::string_view text) {
  return parse_step_range(text).has_value();
}

bool names_stragglers(std::string_view text) {
  return parse_stragglers(text).has_value();
}

}  // namespace

std::optional<std::vector<Straggler>> parse_stragglers(std::string_view text) {
  std::vector<Straggler> all;
  for (const std::string_view one : split(text, ',')) {
    const std::vector<std::string_view> parts = split(one, ':');
    if (parts.size() != 2) return std::nullopt;
    const auto worker = parse_value<int>(parts[0], {.min = 0, .max = 1e6});
    const auto factor = parse_value<double>(parts[1], {.min = 1, .max = 1000});
    if (!worker || !factor) return std::nullopt;
    if (std::ranges::find(all, *worker, &Straggler::worker) != all.end()) return std::nullopt;
    all.push_back({*worker, *factor});
  }
  return all;
}

std::optional<StepRange> parse_step_range(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() != 2) return std::nullopt;
  const auto first = parse_value<Step>(parts[0], counted_from(0)), last = parse_value<Step>(parts[1], counted_from(1));
  if (!first || !last || *first >= *last) return std::nullopt;
  return StepRange{*first, *last};
}

std::optional<StepRange> MachineConfig::captured_steps() const {
  return parse_step_range(capture_range);
}

std::vector<Straggler> MachineConfig::stragglers() const {
  return parse_stragglers(straggler).value_or(std::vector<Straggler>());
}

std::vector<Option> machine_options() {
  return section(
      "Machine",
      {also_in({Scope::kEval, Scope::kDescribe, Scope::kPlans},
               choice(row("precision", "", "of activations and convolution operands; parameters are float32 in both"),
                      {{"fp32", DType::kFloat32}, {"bf16", DType::kBFloat16}}, DRIFT_FIELD(machine.precision))),
       also_in({Scope::kEval},
               on_resume(OnResume::kRenamed,
                         allowing("auto, cpu, cuda or cuda:N",
                                  text(row("device", "DEVICE", "auto | cpu | cuda: one GPU, for each process | cuda:N"),
                                       DRIFT_FIELD(machine.device), names_device)))),
       also_in(
           {Scope::kEval, Scope::kDescribe},
           on_resume(OnResume::kLastBits,
                     choice(row("conv", "", "CPU: convolutions direct, by Winograd where it can, or what is faster"),
                            {{"auto", ConvolutionChoice::kAuto},
                             {"direct", ConvolutionChoice::kDirect},
                             {"winograd", ConvolutionChoice::kWinograd}},
                            DRIFT_FIELD(machine.convolutions)))),
       also_in({Scope::kPlans}, on_off(row("tf32", "", "GPU: fp32 convolutions and matmuls may round to TF32"),
                                       DRIFT_FIELD(machine.tf32))),
       also_in(
           {Scope::kEval, Scope::kPlans},
           choice(row("batch-norm", "", "GPU: our batch-norm kernels, or cuDNN's, which divide the GPU among workers"),
                  {{"own", BatchNormKernels::kOwn}, {"cudnn", BatchNormKernels::kCudnn}},
                  DRIFT_FIELD(machine.batch_norm))),
       also_in({Scope::kPlans}, number(row("nccl-multiprocessors", "N",
                                           "GPU: all that NCCL may use; batch norms leave them to it; 0: no limits"),
                                       {.min = 0, .max = 1024}, DRIFT_FIELD(machine.nccl_multiprocessors))),
       free_on_resume(on_off(row("graphs", "", "GPU: capture a step once and replay it"), DRIFT_FIELD(machine.graphs))),
       free_on_resume(
           choice(row("plans", "", "GPU: cuDNN's first engine, or all tried and the fastest put in --plan-file"),
                  {{"first", false}, {"timed", true}}, DRIFT_FIELD(machine.time_plans))),
       also_in({Scope::kPlans},
               free_on_resume(text(row("plan-file", "FILE", "GPU: cuDNN plans, read if it exists; new ones are added"),
                                   DRIFT_FIELD(machine.plan_file)))),
       free_on_resume(on_off(row("explain-plans", "", "GPU: print each cuDNN plan that is built"),
                             DRIFT_FIELD(machine.explain_plans))),
       free_on_resume(
           on_off(row("op-times", "", "time by kind of operation, at the end; on a GPU steps are not captured"),
                  DRIFT_FIELD(machine.op_times))),
       free_on_resume(on_off(row("profile", "", "record operations and averages of steps, for drift profile"),
                             DRIFT_FIELD(machine.profile))),
       free_on_resume(
           number(row("profile-every", "N", "the same, of every N-th round or synchronous step [CPU 4, GPU 32]"),
                  {.min = 1, .max = 1e9}, DRIFT_FIELD(machine.profile_every))),
       free_on_resume(on_off(row("profile-kernels", "", "the same, and GPU: which kernels run for them, told by CUPTI"),
                             DRIFT_FIELD(machine.profile_kernels))),
       free_on_resume(allowing("two steps, the first before the last, such as 100:110",
                               text(row("capture-range", "A:B", "GPU: a profiler records steps A to B - 1 (nsys, ncu)"),
                                    DRIFT_FIELD(machine.capture_range), is_step_range))),
       also_in({Scope::kEval},
               free_on_resume(number(row("device-timeout", "S", "GPU: seconds without progress that end a run"),
                                     {.min = 1, .max = 1e6}, DRIFT_FIELD(machine.device_timeout_seconds)))),
       also_in({Scope::kEval},
               on_resume(OnResume::kLastBits, number(row("threads", "N", "CPU threads in all; 0: one per core"),
                                                     kThreads, DRIFT_FIELD(machine.threads)))),
       on_resume(OnResume::kLastBits,
                 number(row("worker-threads", "N", "CPU threads of each worker; 0: its share of --threads"), kThreads,
                        DRIFT_FIELD(machine.worker_threads))),
       free_on_resume(number(
           row("loader-threads", "N", "of a process, prepare batches ahead [0, or all where images are decoded]"),
           kThreads, DRIFT_FIELD(machine.loader_threads))),
       free_on_resume(
           allowing("workers and factors from 1 to 1000, such as 1:1.5 or 1:1.5,3:2",
                    text(row("straggler", "WORKER:FACTOR", "CPU: this worker computes so many times as long"),
                         DRIFT_FIELD(machine.straggler), names_stragglers)))});
}

}  // namespace drift
