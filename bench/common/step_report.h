// What bench_step measured for one precision, as a table and as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/common/measure.h"
#include "bench/common/timed_backend.h"

namespace drift::bench {

struct OpRow {
  std::string_view name;
  OpTotals totals;           // of one step
  double floor_seconds = 0;  // the library's own time for a convolution, bytes at the measured bandwidth for the rest
};

struct StepReport {
  std::string model;
  DType precision{};
  std::int64_t batch = 0;
  int threads = 0;
  Sample steps;             // without timers
  std::vector<OpRow> ops;   // with timers
  double conv_seconds = 0;  // the convolutions alone
  double other_bytes = 0;   // what all other passes move
  double bandwidth = 0;     // bytes per second
  double peak_flops = 0;
  std::int64_t activation_bytes = 0;

  double floor_seconds() const { return conv_seconds + other_bytes / bandwidth; }
};

void print(const StepReport& report);
nlohmann::json to_json(const StepReport& report);

}  // namespace drift::bench
