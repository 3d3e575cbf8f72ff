// What bench_step measured for one precision, as a table and as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/common/measure.h"
#include "kernels/convolution_form.h"
#include "kernels/op.h"

namespace drift::bench {

// Of all operations of a name, in one step.
struct OpRow {
  std::string name;
  std::int64_t calls = 0;
  double seconds = 0, bytes = 0, flops = 0;
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
