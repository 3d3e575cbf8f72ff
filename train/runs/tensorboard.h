// TensorBoard: a MetricsSink that writes scalars of steps and evaluations as the table of fields names them
// (record_fields.h), and the run's settings as a text, below <run>/tb.
#pragma once

#include <filesystem>

#include "train/config/config.h"
#include "train/runs/event_file.h"
#include "train/runs/records.h"

namespace drift {

class TensorBoard final : public MetricsSink {
 public:
  // first_step: steps done where this session begins; what an earlier one wrote of later steps is hidden then.
  TensorBoard(const std::filesystem::path& directory, const TrainConfig& config, Step first_step);

  void step(const StepRecord& record) override;
  void round(const RoundRecord& record) override;
  void evaluation(const EvalRecord& record) override;

 private:
  EventFile file_;
};

}  // namespace drift
