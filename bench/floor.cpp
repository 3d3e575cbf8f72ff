// bench_floor: the least time one training step can take on GPUs that need not be there. Arithmetic, nothing is
// measured: each operation of the step costs at least its bytes at the card's memory bandwidth and its arithmetic at
// the card's peak, whichever takes longer. Prints the Markdown table of docs/results/gpu_floors.md.
#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <map>

#include "bench/common/op_floor.h"
#include "bench/common/program.h"
#include "engine/optim/sgd.h"
#include "kernels/cost.h"
#include "kernels/cuda/gradient_addition.h"
#include "kernels/observed/null_backend.h"
#include "models/dry_model.h"
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

// Of one operation, or of all of a name.
struct Floor {
  std::int64_t calls = 0;
  double bytes = 0, flops = 0;
  double seconds[std::size(kCards)] = {};

  Floor& operator+=(const Floor& other) {
    calls += other.calls;
    bytes += other.bytes;
    flops += other.flops;
    for (std::size_t i = 0; i < std::size(kCards); ++i) seconds[i] += other.seconds[i];
    return *this;
  }
};

// Runs nothing and adds up what could not be faster.
class FloorBackend final : public NullBackend {
 public:
  FloorBackend(Stream& stream, DType precision, bool tf32) : NullBackend(stream), precision_(precision), tf32_(tf32) {}

  void run(const Op& op) override {
    const OpCost cost = cost_of(op);
    Floor floor{1, static_cast<double>(cost.bytes), static_cast<double>(cost.flops())};
    for (std::size_t i = 0; i < std::size(kCards); ++i) {
      const Card& card = kCards[i];
      floor.seconds[i] = floor_seconds(floor.bytes, floor.flops, card.bytes_per_second, peak(card, precision_, tf32_));
    }
    by_name_[name_of(op)] += floor;
  }
  bool adds_to_gradient(const Conv2dBackwardData& op) const override { return drift::adds_to_gradient(op); }
  const std::map<std::string_view, Floor>& by_name() const { return by_name_; }

 private:
  DType precision_;
  bool tf32_;
  std::map<std::string_view, Floor> by_name_;
};

void print_row(std::string_view name, const Floor& floor) {
  fmt::print("| {} | {} | {:.3f} | {:.1f} |", name, floor.calls, 1e-9 * floor.bytes, 1e-9 * floor.flops);
  for (const double seconds : floor.seconds) fmt::print(" {:.3f} |", 1e3 * seconds);
  fmt::print("\n");
}

void print_floor(const std::string& name, std::int64_t batch, DType precision, bool tf32) {
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  const std::unique_ptr<Model> model = make_dry_model({.name = name});
  FloorBackend backend(*stream, precision, tf32);
  dry_run(*model, images_for(*model, batch), precision, kTraining, backend);
  Sgd{.momentum = 0.9f, .weight_decay = 1e-4f}.update(backend, model->parameters, {});

  fmt::print("{}, local batch {}, {}\n\n| operation | calls | GB | GFLOP |", name, batch,
             tf32 ? "TF32" : name_of(precision));
  for (const Card& card : kCards) fmt::print(" {}, ms |", card.name);
  fmt::print("\n|---|---:|---:|---:|---:|---:|\n");
  Floor step;
  for (const auto& [op, floor] : backend.by_name()) {
    print_row(op, floor);
    step += floor;
  }
  print_row("**step**", step);
  fmt::print("| images/s at most | | | |");
  for (const double seconds : step.seconds) fmt::print(" {:.0f} |", static_cast<double>(batch) / seconds);
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
