#include "data/fingerprint.h"

#include <fmt/format.h>

#include "core/checked_file.h"

namespace drift {
namespace {

std::string fingerprint(const Dataset& dataset) {
  RunningDigest digest;
  std::vector<std::uint8_t> image(static_cast<std::size_t>(dataset.image_shape().elements()));
  for (std::int64_t index = 0; index < dataset.size(); ++index) {
    const std::int32_t label = dataset.label(index);
    digest.add(std::as_bytes(std::span(&label, 1)));
    dataset.read_image(index, image);
    digest.add(std::as_bytes(std::span(image)));
  }
  return fmt::format("{} images of {} classes, checksum {:016x}", dataset.size(), dataset.classes(),
                     digest.value().checksum);
}

}  // namespace

std::string fingerprint(const DataSource& data) {
  return fmt::format("{}: train {}, test {}{}", data.name, fingerprint(*data.train), fingerprint(*data.test),
                     data.validation ? ", validation " + fingerprint(*data.validation) : "");
}

}  // namespace drift
