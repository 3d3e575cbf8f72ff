// Gathering, cropping, mirroring, normalising and casting a batch in one kernel.
#include "kernels/cuda/training.h"
#include "kernels/launch/for_each_cuda.cuh"
#include "kernels/math/augment.h"
#include "kernels/with_type.h"

namespace drift {

void augment_on(cudaStream_t stream, const Augment& args) {
  with_type(args.y.dtype, [&]<class T>(T) {
    const AugmentSource source{args.images.as<std::uint8_t>(),
                               args.indices.as<std::int32_t>(),
                               args.crops.as<Crop>(),
                               args.images.shape[1],
                               args.images.shape[2],
                               args.pad,
                               {args.mean[0], args.mean[1], args.mean[2]},
                               {args.std[0], args.std[1], args.std[2]}};
    const RowSpace space{args.y.shape[0], source.height, source.width * 3};
    for_each_row_packet(stream, space, packed<AugmentPacket<T>>(source, args.y.as<T>()));
  });
}

}  // namespace drift
