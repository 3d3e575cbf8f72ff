// FilesConfig: what a run begins with and where it leaves what it makes.
#pragma once

#include <string>
#include <vector>

#include "train/config/option.h"

namespace drift {

struct FilesConfig {
  std::string weights;  // start from these (safetensors)
  std::string resume;   // continue this checkpoint or run directory; "auto": what is in `out`, if there is something
  std::string change;   // with resume: names of options that may have other values, separated by commas
  std::string out;      // the run directory; "": runs/<date>-<time>-<name>
  std::string name;     // "": made from model and algorithm
  bool tensorboard = false;
};

std::vector<Option> file_options();

}  // namespace drift
