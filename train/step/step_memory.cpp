// See step_memory.h.
#include "train/step/step_memory.h"

#include "data/batches_ahead.h"
#include "kernels/observed/cpu_meter.h"
#include "models/dry_model.h"
#include "train/step/dry_run.h"

namespace drift {
namespace {

// uint8 images: on a GPU those that a step reads and those that arrive meanwhile, or none where all lie there; on a CPU
// those that it reads and the loader's, those ahead and the ones that were taken.
std::int64_t batch_bytes(const Shape& images, const StepSetting& setting) {
  if (setting.device == DeviceType::kCpu) return images.elements() * (1 + BatchesAhead::kAhead + 1);
  return setting.images_travel ? 2 * images.elements() : 0;
}

}  // namespace

StepMemory step_memory(const StepSetting& setting) {
  const std::unique_ptr<Stream> stream = make_stream(Device{}, setting.threads);
  const std::unique_ptr<Model> model = make_dry_model(setting.model);
  const Shape& image = setting.image.rank() == 0 ? model->input : setting.image;
  const Shape images{setting.batch, image[0], image[1], image[2]};
  const auto run_on = [&](Backend& backend) { return dry_run(*model, images, setting.precision, kTraining, backend); };
  StepMemory memory;
  const bool can_compute = setting.precision != DType::kBFloat16 || cpu_features().bf16;  // so that plans can be made
  if (setting.device == DeviceType::kCpu && can_compute) {
    CpuMeter meter(*stream, setting.convolutions);
    memory.activations = run_on(meter);
    memory.workspace = meter.workspace();
  } else {
    NullBackend nothing(*stream);
    memory.activations = run_on(nothing);
  }
  memory.state = model->parameters.bytes();
  memory.batch = batch_bytes(images, setting);
  return memory;
}

}  // namespace drift
