// What Transform::training() does to the images of an epoch, call by call and timed: what each stage costs, with no
// loader around them; and what decoding alone costs.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "data/image_decoder.h"
#include "data/sampler.h"
#include "data/source.h"

namespace drift::bench {

// CPU seconds of all images of an epoch.
struct StageSeconds {
  double read = 0;          // the encoded bytes, from a file or with the checksum of a packed image, and their header
  double decode = 0;        // these to the pixels that the crop needs: nothing where they are pixels
  double resize = 0;        // the crop, mirrored where that is drawn
  double decode_whole = 0;  // in place of `decode`, all pixels
  double bytes = 0;         // encoded, no seconds
};

// sampler: of one worker. made: gets each image, side * side * 3 bytes, and its position in the epoch.
StageSeconds run_stages(const Source& source, JpegLibrary library, const Sampler& sampler, std::int64_t epoch,
                        std::int64_t side,
                        const std::function<void(std::int64_t position, std::span<const std::uint8_t>)>& made);

}  // namespace drift::bench
