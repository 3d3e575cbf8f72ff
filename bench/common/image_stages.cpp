#include "bench/common/image_stages.h"

#include <string>
#include <vector>

#include "bench/common/measure.h"
#include "data/image_crops.h"
#include "data/image_header.h"
#include "data/loader.h"
#include "data/transform.h"

namespace drift::bench {
namespace {

// Adds the time since the last call to a stage.
class Lap {
 public:
  void start() { last_ = cpu_seconds(); }
  void add_to(double& stage) {
    const double now = cpu_seconds();
    stage += now - last_;
    last_ = now;
  }

 private:
  double last_ = 0;
};

}  // namespace

StageSeconds run_stages(const Source& source, JpegLibrary library, const Sampler& sampler, std::int64_t epoch,
                        std::int64_t side,
                        const std::function<void(std::int64_t position, std::span<const std::uint8_t>)>& made) {
  const ImageSize size{side, side};
  ImageDecoder decoder(library), whole_decoder(library);
  Resizer resizer;
  std::string memory;
  std::vector<std::uint8_t> image(static_cast<std::size_t>(3 * side * side));
  std::vector<std::int64_t> indices(static_cast<std::size_t>(sampler.config().local_batch));
  StageSeconds seconds;
  Lap lap;
  for (std::int64_t j = 0; j < sampler.steps_per_epoch(); ++j) {
    const std::int64_t step = epoch * sampler.steps_per_epoch() + j;
    sampler.indices(step, /*worker=*/0, indices);
    std::int64_t position = sampler.first_position(step, /*worker=*/0);
    for (const std::int64_t index : indices) {
      const Rng rng = augmentation_rng(sampler.config().seed, epoch, position);
      lap.start();
      const std::span<const std::uint8_t> encoded = source.read(index, memory);
      const ImageHeader header = read_image_header(encoded);
      lap.add_to(seconds.read);
      const Resize resize = draw_resize(rng, header.size, size);
      const int shrink = Transform::shrink_for(resize);
      whole_decoder.decode(encoded, header, shrink, {0, 0, header.size.width, header.size.height});
      lap.add_to(seconds.decode_whole);
      const DecodedImage decoded = decoder.decode(encoded, header, shrink, resize.box);
      lap.add_to(seconds.decode);
      resizer.run(decoded.image, decoded.of_this(resize), image);
      lap.add_to(seconds.resize);
      seconds.bytes += static_cast<double>(encoded.size());
      made(position, image);
      ++position;
    }
  }
  return seconds;
}

}  // namespace drift::bench
