#include "bench/common/step_report.h"

#include <fmt/core.h>

namespace drift::bench {

void print(const StepReport& r) {
  const double batch = static_cast<double>(r.batch), seconds = r.steps.median();
  fmt::print("\n{} batch {} {}, {} threads{}: {:.1f} images/s (median of {}; {:.1f} .. {:.1f}), {:.1f} ms a step\n",
             r.model, r.batch, name_of(r.precision), r.threads,
             r.convolutions == ConvolutionChoice::kDirect ? ", convolutions direct" : "", batch / seconds,
             r.steps.seconds.size(), batch / r.steps.at(1), batch / r.steps.at(0), 1e3 * seconds);
  fmt::print("floor: {:.1f} ms, {:.1f} images/s; reached {:.0f} %; activations take {:.0f} MB\n",
             1e3 * r.floor_seconds(), batch / r.floor_seconds(), 100 * r.floor_seconds() / seconds,
             1e-6 * static_cast<double>(r.activation_bytes));
  fmt::print("{:<30}{:>7}{:>10}{:>10}{:>11}{:>9}{:>11}\n", "operation", "calls", "ms", "floor ms", "% of floor", "GB/s",
             "GFLOP/s");
  for (const OpRow& row : r.ops) {
    fmt::print("{:<30}{:>7}{:>10.2f}{:>10.2f}{:>11.0f}{:>9.1f}{:>11.1f}\n", row.name, row.calls, 1e3 * row.seconds,
               1e3 * row.floor_seconds, 100 * row.floor_seconds / row.seconds, 1e-9 * row.bytes / row.seconds,
               1e-9 * row.flops / row.seconds);
  }
}

nlohmann::json to_json(const StepReport& r) {
  nlohmann::json ops = nlohmann::json::array();
  for (const OpRow& row : r.ops) {
    ops.push_back({{"name", row.name},
                   {"calls", row.calls},
                   {"ms", 1e3 * row.seconds},
                   {"floor_ms", 1e3 * row.floor_seconds},
                   {"bytes", row.bytes},
                   {"flops", row.flops}});
  }
  return {{"model", r.model},
          {"batch", r.batch},
          {"threads", r.threads},
          {"precision", name_of(r.precision)},
          {"images_per_second", static_cast<double>(r.batch) / r.steps.median()},
          {"ms_per_step", 1e3 * r.steps.median()},
          {"convolutions", r.convolutions == ConvolutionChoice::kDirect ? "direct" : "auto"},
          {"floor_ms", 1e3 * r.floor_seconds()},
          {"part_of_floor", r.floor_seconds() / r.steps.median()},
          {"activation_bytes_peak", r.activation_bytes},
          {"ops", ops}};
}

}  // namespace drift::bench
