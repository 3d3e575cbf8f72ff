#include "train/step/dry_run.h"

#include "train/step/batch_loss.h"

namespace drift {

std::int64_t dry_run(const Model& model, std::int64_t batch, DType precision, TapeOptions options, Backend& backend) {
  MemoryPool pool(backend.stream().device());
  {
    Tape tape(backend, pool, precision, options);
    const Shape& image = model.input;
    const Tensor images = tape.scratch({batch, image[0], image[1], image[2]}, DType::kUint8);
    const Tensor labels = tape.scratch({batch}, DType::kInt32);
    const Tensor crops = tape.scratch({batch, 4}, DType::kUint8);
    const DeviceBatch on_device{.images = images.view(), .indices = {}, .labels = labels.view(), .crops = crops.view()};
    forward_backward(tape, model, on_device, {});
  }
  return pool.bytes_held();
}

}  // namespace drift
