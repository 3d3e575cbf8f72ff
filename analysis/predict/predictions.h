// What drift predict says: tables for people, JSON for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/predict/model.h"
#include "core/json_lines.h"

namespace drift {

// A link that is asked about, by what it is called in the tables.
struct NamedLink {
  std::string name;
  LinkOptions link;
};

// What is asked: every link with every number of processes and every H.
struct PredictionQuestion {
  std::vector<Step> periods;
  std::vector<int> processes;
  std::vector<NamedLink> links;
  bool overlap = true;
  double bucket_megabytes = 0;  // --bucket-mb
  int arenas = 1;
};

AveragingSetting setting_of(const PredictionQuestion& question, const StepMeasurement& measurement, int processes,
                            const LinkOptions& link);

std::string prediction_text(const StepMeasurement& measurement, const PredictionQuestion& question);
// With the measurement: --from takes it.
Json prediction_json(const StepMeasurement& measurement, const PredictionQuestion& question);

}  // namespace drift
