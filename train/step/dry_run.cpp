#include "train/step/dry_run.h"

#include "kernels/observed/addresses.h"
#include "train/step/batch_loss.h"

namespace drift {

std::int64_t dry_run(const Model& model, const Shape& images, DType precision, TapeOptions options, Backend& backend) {
  MemoryPool pool(backend.stream().device(), addresses_alone());
  {
    Tape tape(backend, pool, precision, options);
    const Tensor pixels = tape.scratch(images, DType::kUint8);
    const Tensor labels = tape.scratch({images[0]}, DType::kInt32);
    const Tensor crops = tape.scratch({images[0], 4}, DType::kUint8);
    const DeviceBatch on_device{.images = pixels.view(), .indices = {}, .labels = labels.view(), .crops = crops.view()};
    forward_backward(tape, model, on_device, {});
  }
  return pool.bytes_held();
}

}  // namespace drift
