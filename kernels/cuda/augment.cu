// Gathering, cropping, mirroring, normalising and casting a batch in one kernel.
#include "kernels/cuda/own_kernels.h"
#include "kernels/launch/for_each_cuda.cuh"
#include "kernels/math/augment.h"
#include "kernels/with_type.h"

namespace drift {

void run_on(cudaStream_t stream, const Augment& op) {
  with_type(op.y.dtype, [&]<class T>(T) {
    const AugmentSource source{op.images.as<std::uint8_t>(),
                               op.indices.as<std::int32_t>(),
                               op.crops.as<Crop>(),
                               op.images.shape[1],
                               op.images.shape[2],
                               op.pad,
                               {op.mean[0], op.mean[1], op.mean[2]},
                               {op.std[0], op.std[1], op.std[2]}};
    const RowSpace space{op.y.shape[0], source.height, source.width * 3};
    for_each_row_packet(stream, space, packed<AugmentPacket<T>>(source, op.y.as<T>()));
  });
}

}  // namespace drift
