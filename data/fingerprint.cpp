#include "data/fingerprint.h"

#include <fmt/format.h>

#include "core/checked_file.h"

namespace drift {
namespace {

std::string fingerprint(const Dataset& dataset) {
  RunningDigest digest;
  dataset.identify(digest);
  return fmt::format("{} images of {} classes, checksum {:016x}", dataset.size(), dataset.classes(),
                     digest.value().checksum);
}

}  // namespace

std::string fingerprint(const DataSource& data) {
  return fmt::format("{}: train {}, test {}{}", data.name, fingerprint(*data.train), fingerprint(*data.test),
                     data.validation ? ", validation " + fingerprint(*data.validation) : "");
}

}  // namespace drift
