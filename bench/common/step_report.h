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
  double floor_seconds = 0;  // op_floor.h
};

struct StepReport {
  std::string model;
  DType precision{};
  std::int64_t batch = 0;
  int threads = 0;
  ConvolutionChoice convolutions{};
  Sample steps;            // without timers
  std::vector<OpRow> ops;  // with timers
  std::int64_t activation_bytes = 0;

  double floor_seconds() const {
    double sum = 0;
    for (const OpRow& row : ops) sum += row.floor_seconds;
    return sum;
  }
};

void print(const StepReport& report);
nlohmann::json to_json(const StepReport& report);

}  // namespace drift::bench
