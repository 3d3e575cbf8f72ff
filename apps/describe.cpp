// drift describe: what a network is made of, layer by layer, before running it.
#include <algorithm>
#include <fmt/format.h>

#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/convolutions.h"
#include "apps/output.h"
#include "core/check.h"
#include "core/json_lines.h"
#include "core/text.h"
#include "models/layer_trace.h"
#include "train/config/resolve.h"

namespace drift {
namespace {

// The layer's output for a batch, in the type activations have; the logits are float32.
std::int64_t activation_bytes(const LayerInfo& layer, std::int64_t batch, DType precision, bool is_last) {
  return layer.output.elements() * batch * static_cast<std::int64_t>(size_of(is_last ? DType::kFloat32 : precision));
}

struct Totals {
  std::int64_t parameters = 0, multiply_adds = 0, activation_bytes = 0;
};

Json layer_json(const LayerInfo& layer, std::int64_t bytes) {
  return {{"name", layer.name},
          {"kind", layer.kind},
          {"output", shape_json(layer.output)},
          {"parameters", layer.parameters},
          {"multiply_adds", layer.multiply_adds},
          {"activation_bytes", bytes}};
}

void print_table(const std::string& model, const std::vector<LayerInfo>& layers, const std::vector<std::int64_t>& bytes,
                 const Totals& totals, std::int64_t batch, DType precision) {
  std::size_t name_width = 5, kind_width = 4;
  for (const LayerInfo& layer : layers) {
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
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const LayerInfo& layer = layers[i];
    row(layer.name, layer.kind, to_string(layer.output), layer.parameters, layer.multiply_adds, bytes[i]);
  }
  row("total", "", "", totals.parameters, totals.multiply_adds, totals.activation_bytes);
  print("\n{}: {} parameters; {} multiply-adds for one image; outputs of all layers at batch {} in {}: {:.1f} MB\n",
        model, totals.parameters, totals.multiply_adds, batch, name_of(precision),
        static_cast<double>(totals.activation_bytes) / 1e6);
}

}  // namespace

int run_describe(int argc, char** argv) {
  CommandLine command(
      Scope::kDescribe, "drift describe",
      "Layers, output shapes for one image, parameters, multiply-adds and activation bytes of a network.\n"
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
  const std::vector<LayerInfo> layers = trace_layers(config.model);
  std::vector<std::int64_t> bytes;
  Totals totals;
  for (const LayerInfo& layer : layers) {
    bytes.push_back(activation_bytes(layer, batch, config.machine.precision, &layer == &layers.back()));
    totals.parameters += layer.parameters;
    totals.multiply_adds += layer.multiply_adds;
    totals.activation_bytes += bytes.back();
  }
  std::vector<ConvolutionTrace> convolutions;
  if (kernels) {
    convolutions = trace_convolutions(config.model, batch, config.machine.precision, config.machine.convolutions);
  }
  if (!json) {
    print_table(name, layers, bytes, totals, batch, config.machine.precision);
    if (!kernels) return 0;
    print("\nconvolutions at batch {} in {} on this CPU ({}):\n\n", batch, name_of(config.machine.precision),
          cpu_features().instruction_sets);
    print_convolutions(convolutions);
    print("\nin a training step: {}\n", summary(convolutions));
    return 0;
  }
  Json rows = Json::array();
  for (std::size_t i = 0; i < bytes.size(); ++i) rows.push_back(layer_json(layers[i], bytes[i]));
  Json result = {{"model", name},
                 {"batch", batch},
                 {"precision", name_of(config.machine.precision)},
                 {"parameters", totals.parameters},
                 {"multiply_adds", totals.multiply_adds},
                 {"activation_bytes", totals.activation_bytes},
                 {"layers", rows}};
  if (kernels) result["convolutions"] = convolutions_json(convolutions);
  print("{}\n", result.dump(2));
  return 0;
}

}  // namespace drift
