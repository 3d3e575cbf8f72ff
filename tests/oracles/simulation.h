// The algorithm as plain loops over K replicas in double precision: between averages workers are independent, so a loop
// over workers inside a loop over steps is all there is. The oracle for the engine's threads, arenas and collectives.
#pragma once

#include <vector>

#include "data/dataset.h"
#include "tests/oracles/reference_resnet.h"
#include "train/schedule/schedule.h"

namespace drift::sim {

struct Simulation {
  std::vector<double> losses;  // by step, mean over workers
  std::vector<Replica> replicas;
};

// start: parameters and running statistics that all replicas begin with; it also gives the layout.
Simulation simulate(const TrainConfig& config, const DataSource& data, const ParameterSet& start);

}  // namespace drift::sim
