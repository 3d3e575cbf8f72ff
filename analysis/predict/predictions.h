// What drift predict says: tables for people, JSON for programs.
#pragma once

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
  AveragingWay way = {};
};

class Predictions {
 public:
  Predictions(StepMeasurement measurement, PredictionQuestion question);

  std::string text() const;
  Json json() const;  // with the measurement: --from takes it

 private:
  struct Setting {
    NamedLink link;
    int processes;
    Predictor predictor;
    Step enough;
  };

  StepMeasurement measurement_;
  PredictionQuestion question_;
  std::vector<Setting> settings_;
};

// "21.57"
std::string ms_text(double seconds);

}  // namespace drift
