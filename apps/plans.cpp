// drift plans: what a network asks of cuDNN on a GPU that need not be there.
#include <fmt/format.h>

#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/output.h"
#include "core/check.h"
#include "core/text.h"
#include "kernels/cuda.h"
#include "models/dry_model.h"
#include "train/config/resolve.h"
#include "train/step/dry_run.h"
#include "train/step/worker.h"

namespace drift {

int run_plans(int argc, char** argv) {
  CommandLine command(
      Scope::kPlans, "drift plans",
      "Builds every cuDNN graph that a training step and an evaluation of a network need, for the GPU that a file of\n"
      "device properties describes, and prints the plan chosen for each: engine, workspace, notes. Nothing runs, and\n"
      "the GPU need not be there; where there is no driver either, start it through scripts/emulated.sh.",
      {"drift plans resnet50 --batch 128 --precision bf16 --device-properties sm90.json",
       "drift plans resnet56 --batch 128 --device-properties sm80.json --plan-file plans.json"});
  std::string name, properties;
  std::int64_t batch = 128;
  command.add_required_value("MODEL", "", &name, "the network");
  command.add_value("--batch", "N", CommandLine::Integer{&batch, options::counted_from(1)}, "images at a time [128]");
  command.add_required_value("--device-properties", "FILE", &properties, "JSON as cudnn-frontend writes it");
  if (!command.parse(argc, argv)) return 0;

  TrainConfig config = resolve_config(std::vector{command.settings()}, Scope::kPlans).config;
  config.model.name = name;
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  std::int64_t plans = 0;
  BackendOptions options = backend_options(config.machine);
  options.explain_plan = [&](auto line) {
    print("{}\n", line);
    ++plans;
  };
  const std::unique_ptr<Backend> backend = make_planning_backend(*stream, properties, options);
  const std::unique_ptr<Model> model = make_dry_model(config.model);
  for (const TapeOptions mode : {kTraining, kInference})
    dry_run(*model, images_for(*model, batch), config.machine.precision, mode, *backend);
  print("{} plans for {} at batch {} in {}\n", plans, name, batch, name_of(config.machine.precision));
  return 0;
}

}  // namespace drift
