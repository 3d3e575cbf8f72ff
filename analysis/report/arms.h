// Arms: runs that differ in nothing but their seed are repetitions of one arm; what differs between arms names them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/runs/run_reader.h"

namespace drift {

struct Arm {
  std::string name = {};
  std::vector<RunRecords> runs = {};  // by seed
};

// What is set differently between arms: for each option the value in each arm, "" where it is not set.
struct Difference {
  std::string option;
  std::vector<std::string> values;
};

// In the order of their first runs. Names: those that were given, as `--name` or by the caller; else what differs; else
// the directory's.
std::vector<Arm> arms_of(std::vector<RunRecords> runs);

// In the order of the option table. Options that leave the bits alone are not among them.
std::vector<Difference> differences(const std::vector<Arm>& arms);

}  // namespace drift
