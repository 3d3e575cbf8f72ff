// drift describe: what a network is made of, layer by layer, before running it.
#include <algorithm>
#include <fmt/format.h>
#include <optional>

#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/convolutions.h"
#include "apps/output.h"
#include "core/check.h"
#include "core/json_lines.h"
#include "core/text.h"
#include "models/layer_trace.h"
#include "train/config/resolve.h"
#include "train/step/step_memory.h"

namespace drift {
namespace {

// The layer's output for a batch, in the type activations have; the logits are float32.
std::int64_t activation_bytes(const LayerInfo& layer, std::int64_t batch, DType precision, bool is_last) {
  return layer.output.elements() * batch * static_cast<std::int64_t>(size_of(is_last ? DType::kFloat32 : precision));
}

struct Totals {
  std::int64_t parameters = 0, multiply_adds = 0, activation_bytes = 0;
};

struct Description {
  std::string model;
  std::int64_t batch = 1;
  DType precision = DType::kFloat32;
  int threads = 1;
  std::vector<LayerInfo> layers;
  std::vector<std::int64_t> bytes;  // of each layer's output
  Totals totals;
  StepMemory memory;
  std::optional<std::vector<ConvolutionTrace>> convolutions;  // if asked for
};

Description describe(const TrainConfig& config, std::int64_t batch, bool kernels) {
  Description d;
  d.model = config.model.name;
  d.batch = batch;
  d.precision = config.machine.precision;
  d.threads = cpu_features().cores;
  d.layers = trace_layers(config.model);
  for (const LayerInfo& layer : d.layers) {
    d.bytes.push_back(activation_bytes(layer, batch, d.precision, &layer == &d.layers.back()));
    d.totals.parameters += layer.parameters;
    d.totals.multiply_adds += layer.multiply_adds;
    d.totals.activation_bytes += d.bytes.back();
  }
  d.memory = step_memory({.model = config.model,
                          .batch = batch,
                          .precision = d.precision,
                          .convolutions = config.machine.convolutions,
                          .threads = d.threads});
  if (kernels) {
    d.convolutions = trace_convolutions(config.model, batch, d.precision, config.machine.convolutions);
  }
  return d;
}

Json layer_json(const LayerInfo& layer, std::int64_t bytes) {
  return {{"name", layer.name},
          {"kind", layer.kind},
          {"output", shape_json(layer.output)},
          {"parameters", layer.parameters},
          {"multiply_adds", layer.multiply_adds},
          {"activation_bytes", bytes}};
}

Json to_json(const Description& d) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < d.bytes.size(); ++i) rows.push_back(layer_json(d.layers[i], d.bytes[i]));
  Json result = {{"model", d.model},
                 {"batch", d.batch},
                 {"precision", name_of(d.precision)},
                 {"parameters", d.totals.parameters},
                 {"multiply_adds", d.totals.multiply_adds},
                 {"activation_bytes", d.totals.activation_bytes},
                 {"training_step",
                  {{"threads", d.threads},
                   {"bytes", d.memory.of(1, 1)},
                   {"state_bytes", d.memory.state},
                   {"batch_bytes", d.memory.batch},
                   {"activation_bytes", d.memory.activations},
                   {"workspace_bytes", d.memory.workspace}}},
                 {"layers", rows}};
  if (d.convolutions) result["convolutions"] = convolutions_json(*d.convolutions);
  return result;
}

void print_layers(const Description& d) {
  std::size_t name_width = 5, kind_width = 4;
  for (const LayerInfo& layer : d.layers) {
    name_width = std::max(name_width, layer.name.size());
    kind_width = std::max(kind_width, layer.kind.size());
  }
  const auto row = [&](std::string_view name, std::string_view kind, const std::string& output,
                       const auto&... numbers) {
    print("{:<{}}  {:<{}}  {:<13}", name, name_width, kind, kind_width, output);
    ((print("  {:>16}", numbers)), ...);
    print("\n");
  };
  row("layer", "kind", "output", "parameters", "multiply-adds", "activation bytes");
  for (std::size_t i = 0; i < d.layers.size(); ++i) {
    const LayerInfo& layer = d.layers[i];
    row(layer.name, layer.kind, to_string(layer.output), layer.parameters, layer.multiply_adds, d.bytes[i]);
  }
  row("total", "", "", d.totals.parameters, d.totals.multiply_adds, d.totals.activation_bytes);
}

void print_text(const Description& d) {
  const auto megabytes = [](std::int64_t bytes) { return 1e-6 * static_cast<double>(bytes); };
  print_layers(d);
  print("\n{}: {} parameters; {} multiply-adds for one image; outputs of all layers at batch {} in {}: {:.1f} MB\n",
        d.model, d.totals.parameters, d.totals.multiply_adds, d.batch, name_of(d.precision),
        megabytes(d.totals.activation_bytes));
  const StepMemory& memory = d.memory;
  print(
      "a training step of one worker on this CPU, {} threads: {:.1f} MB: parameters, gradients and momentum {:.1f}, "
      "images {:.1f},\nactivations {:.1f}, workspace {:.1f}; each further worker that takes turns with it: {:.1f} MB\n",
      d.threads, megabytes(memory.of(1, 1)), megabytes(memory.state), megabytes(memory.batch),
      megabytes(memory.activations), megabytes(memory.workspace), megabytes(memory.of(1, 0)));
  if (!d.convolutions) return;
  print("\nconvolutions at batch {} in {} on this CPU ({}):\n\n", d.batch, name_of(d.precision),
        cpu_features().instruction_sets);
  print_convolutions(*d.convolutions);
  print("\nin a training step: {}\n", summary(*d.convolutions));
}

}  // namespace

int run_describe(int argc, char** argv) {
  CommandLine command(
      Scope::kDescribe, "drift describe",
      "Layers, output shapes for one image, parameters, multiply-adds and activation bytes of a network, and the "
      "memory of a training step.\n"
      "Networks: " +
          joined(model_names()) + ", and cifar-resnetD for any depth D = 6n+2.",
      {"drift describe resnet56 --batch 128 --kernels",
       "drift describe resnet56 --norm group --precision bf16 --json"});
  std::string name;
  std::int64_t batch = 1;
  bool kernels = false, json = false;
  command.add_required_value("MODEL", "", &name, "the network");
  command.add_value("--batch", "N", CommandLine::Integer{&batch, options::counted_from(1)}, "images at a time [1]");
  command.add_switch("--kernels", kernels, "print which algorithm a CPU like this one has for each convolution");
  command.add_switch("--json", json, "print JSON");
  if (!command.parse(argc, argv)) return 0;

  TrainConfig config = resolve_config(std::vector{command.settings()}, Scope::kDescribe).config;
  config.model.name = name;
  const Description description = describe(config, batch, kernels);
  if (json) {
    print("{}\n", to_json(description).dump(2));
  } else {
    print_text(description);
  }
  return 0;
}

}  // namespace drift
