#include "bench/common/step_report.h"

#include <fmt/core.h>

namespace drift::bench {

void print(const StepReport& r) {
  const double batch = static_cast<double>(r.batch), seconds = r.steps.median();
  fmt::print("\n{} batch {} {}, {} threads: {:.1f} images/s (median of {}; {:.1f} .. {:.1f}), {:.1f} ms a step\n",
             r.model, r.batch, name_of(r.precision), r.threads, batch / seconds, r.steps.seconds.size(),
             batch / r.steps.at(1), batch / r.steps.at(0), 1e3 * seconds);
  fmt::print(
      "floor: convolutions alone {:.1f} ms + {:.2f} GB of other passes {:.1f} ms = {:.1f} ms, {:.1f} images/s; "
      "reached {:.0f} %\n",
      1e3 * r.conv_seconds, 1e-9 * r.other_bytes, 1e3 * r.other_bytes / r.bandwidth, 1e3 * r.floor_seconds(),
      batch / r.floor_seconds(), 100 * r.floor_seconds() / seconds);
  fmt::print("{:<30}{:>7}{:>10}{:>10}{:>9}{:>11}{:>11}\n", "operation", "calls", "ms", "floor ms", "GB/s", "GFLOP/s",
             "% of peak");
  for (const OpRow& row : r.ops) {
    const OpTotals& t = row.totals;
    const double share = t.flops > 0 ? t.flops / t.seconds / r.peak_flops : t.bytes / t.seconds / r.bandwidth;
    fmt::print("{:<30}{:>7}{:>10.2f}{:>10.2f}{:>9.1f}{:>11.1f}{:>11.0f}\n", row.name, t.calls, 1e3 * t.seconds,
               1e3 * row.floor_seconds, 1e-9 * t.bytes / t.seconds, 1e-9 * t.flops / t.seconds, 100 * share);
  }
}

nlohmann::json to_json(const StepReport& r) {
  nlohmann::json ops = nlohmann::json::array();
  for (const OpRow& row : r.ops) {
    ops.push_back({{"name", row.name},
                   {"calls", row.totals.calls},
                   {"ms", 1e3 * row.totals.seconds},
                   {"floor_ms", 1e3 * row.floor_seconds},
                   {"bytes", row.totals.bytes},
                   {"flops", row.totals.flops}});
  }
  return {{"model", r.model},
          {"batch", r.batch},
          {"threads", r.threads},
          {"precision", name_of(r.precision)},
          {"images_per_second", static_cast<double>(r.batch) / r.steps.median()},
          {"ms_per_step", 1e3 * r.steps.median()},
          {"conv_floor_ms", 1e3 * r.conv_seconds},
          {"floor_ms", 1e3 * r.floor_seconds()},
          {"part_of_floor", r.floor_seconds() / r.steps.median()},
          {"activation_bytes_peak", r.activation_bytes},
          {"ops", ops}};
}

}  // namespace drift::bench
