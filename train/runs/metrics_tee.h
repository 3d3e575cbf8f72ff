// One MetricsSink for several: each gets every record, in the order of the list.
#pragma once

#include <utility>
#include <vector>

#include "train/runs/records.h"

namespace drift {

class MetricsTee final : public MetricsSink {
 public:
  explicit MetricsTee(std::vector<MetricsSink*> sinks) : sinks_(std::move(sinks)) {}

  void step(const StepRecord& record) override {
    for (MetricsSink* sink : sinks_) sink->step(record);
  }
  void round(const RoundRecord& record) override {
    for (MetricsSink* sink : sinks_) sink->round(record);
  }
  void evaluation(const EvalRecord& record) override {
    for (MetricsSink* sink : sinks_) sink->evaluation(record);
  }

 private:
  std::vector<MetricsSink*> sinks_;
};

}  // namespace drift
