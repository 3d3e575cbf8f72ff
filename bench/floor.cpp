// bench_floor: the least time one training step can take on GPUs that need not be there. Arithmetic, nothing is
// measured: each call of the step costs at least its bytes at the card's memory bandwidth and its operations at the
// card's arithmetic peak, whichever takes longer. Prints the Markdown table of docs/results/gpu_floors.md.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/core.h>
#include <vector>

#include "bench/common/program.h"
#include "bench/common/timed_backend.h"
#include "engine/optim/sgd.h"
#include "kernels/null_backend.h"
#include "train/step/dry_run.h"

namespace drift::bench {
namespace {

// NVIDIA's data sheets, dense, without sparsity.
struct Card {
  const char* name;
  double bytes_per_second;
  double fp32_flops, tf32_flops, bf16_flops;
};
constexpr Card kCards[] = {{"A100 80GB SXM", 2.039e12, 19.5e12, 156e12, 312e12},
                           {"H100 80GB SXM", 3.35e12, 66.9e12, 494.7e12, 989.4e12}};

double peak(const Card& card, DType precision, bool tf32) {
  if (precision == DType::kBFloat16) return card.bf16_flops;
  return tf32 ? card.tf32_flops : card.fp32_flops;
}

double floor_seconds(const OpTotals& totals, const Card& card, double flops_per_second) {
  double seconds = 0;
  for (const OpCost& cost : totals.costs) {
    seconds += std::max(cost.bytes / card.bytes_per_second, cost.flops / flops_per_second);
  }
  return seconds;
}

void print_floor(const std::string& name, std::int64_t batch, DType precision, bool tf32) {
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  NullBackend nothing(*stream);
  TimedBackend backend(nothing);
  const std::unique_ptr<Model> model = make_model({.name = name});
  model->parameters.allocate(backend);
  backend.reset();
  dry_run(*model, batch, precision, kTraining, backend);
  Sgd{.momentum = 0.9f, .weight_decay = 1e-4f}.update(backend, model->parameters, {});

  fmt::print("{}, local batch {}, {}\n\n| operation | calls | GB | GFLOP |", name, batch,
             tf32 ? "TF32" : name_of(precision));
  for (const Card& card : kCards) fmt::print(" {}, ms |", card.name);
  fmt::print("\n|---|---:|---:|---:|---:|---:|\n");
  double bytes = 0, flops = 0, seconds[std::size(kCards)] = {};
  std::int64_t calls = 0;
  for (const auto& [kind, totals] : backend.totals()) {
    fmt::print("| {} | {} | {:.3f} | {:.1f} |", kind, totals.calls, 1e-9 * totals.bytes, 1e-9 * totals.flops);
    for (std::size_t i = 0; i < std::size(kCards); ++i) {
      const double least = floor_seconds(totals, kCards[i], peak(kCards[i], precision, tf32));
      seconds[i] += least;
      fmt::print(" {:.3f} |", 1e3 * least);
    }
    fmt::print("\n");
    bytes += totals.bytes;
    flops += totals.flops;
    calls += totals.calls;
  }
  fmt::print("| **step** | {} | {:.3f} | {:.1f} |", calls, 1e-9 * bytes, 1e-9 * flops);
  for (const double least : seconds) fmt::print(" {:.3f} |", 1e3 * least);
  fmt::print("\n| images/s at most | | | |");
  for (const double least : seconds) fmt::print(" {:.0f} |", static_cast<double>(batch) / least);
  fmt::print("\n\n");
}

int main(int argc, char** argv) {
  std::string model = "resnet50", precision = "bf16";
  std::int64_t batch = 128;
  CLI::App app{"The least time of one training step on GPUs that need not be there: arithmetic, not a measurement."};
  app.add_option("--model", model, "network")->capture_default_str();
  app.add_option("--batch", batch, "local batch")->capture_default_str();
  app.add_option("--precision", precision, "fp32, tf32 or bf16")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const bool known = precision == "fp32" || precision == "tf32" || precision == "bf16";
  DRIFT_CHECK(kUsage, known, "--precision is fp32, tf32 or bf16, not '{}'", precision);
  DRIFT_CHECK(kUsage, batch >= 1, "--batch must be at least 1, got {}", batch);
  print_floor(model, batch, precision == "bf16" ? DType::kBFloat16 : DType::kFloat32, precision == "tf32");
  return 0;
}

}  // namespace
}  // namespace drift::bench

int main(int argc, char** argv) {
  return drift::bench::run_program("bench_floor", [&] { return drift::bench::main(argc, argv); });
}
