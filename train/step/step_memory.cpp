// See step_memory.h.
#include "train/step/step_memory.h"

#include "kernels/observed/addresses.h"
#include "kernels/observed/cpu_meter.h"
#include "train/step/dry_run.h"

namespace drift {
namespace {

// uint8 images: on a GPU those that a step reads and those that arrive meanwhile; on a CPU those that it reads and the
// loader's, those ahead and the ones that were taken.
std::int64_t batch_bytes(const Shape& images, DeviceType device) {
  return images.elements() * (device == DeviceType::kCuda ? 2 : 1 + BatchesAhead::kAhead + 1);
}

std::int64_t state_bytes(const ParameterSet& parameters) {
  const std::size_t floats = 3 * parameters.values().size() + parameters.buffers().size();
  return static_cast<std::int64_t>(floats * sizeof(float));
}

}  // namespace

StepMemory step_memory(const StepSetting& setting) {
  const std::unique_ptr<Stream> stream = make_stream(Device{}, setting.threads);
  const std::unique_ptr<Model> model = make_model(setting.model);
  const Shape& image = setting.image.rank() == 0 ? model->input : setting.image;
  const Shape images{setting.batch, image[0], image[1], image[2]};
  const auto run_on = [&](Backend& backend) {
    model->parameters.allocate(backend, /*with_training_state=*/true, addresses_alone());
    return dry_run(*model, images, setting.precision, kTraining, backend);
  };
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
  memory.state = state_bytes(model->parameters);
  memory.batch = batch_bytes(images, setting.device);
  return memory;
}

}  // namespace drift
