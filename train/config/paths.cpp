#include "train/config/paths.h"

#include "core/check.h"
#include "core/file_errors.h"
#include "core/text.h"
#include "data/open_data.h"

namespace drift {
namespace {

std::string absolute(const std::string& path) {
  if (path.empty()) return path;
  const std::string absolute =
      with_file_errors(ErrorKind::kUsage, [&] { return std::filesystem::absolute(path).string(); });
  DRIFT_CHECK(kUsage, is_utf8(absolute), "{}: the path {} is not UTF-8, as the files of a run are", path, absolute);
  return absolute;
}

}  // namespace

void make_paths_absolute(TrainConfig& config) {
  const std::string directory(data_directory(config.data.spec));
  if (!directory.empty()) {
    std::string& spec = config.data.spec;
    spec.replace(spec.size() - directory.size(), directory.size(), absolute(directory));
  }
  config.files.weights = absolute(config.files.weights);
  config.machine.plan_file = absolute(config.machine.plan_file);
}

}  // namespace drift
