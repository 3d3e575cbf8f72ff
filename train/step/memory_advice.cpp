// Activations grow linearly with the batch, so two dry runs of small batches tell what any batch needs.
#include "train/step/memory_advice.h"

#include <algorithm>
#include <fmt/format.h>

#include "kernels/observed/null_backend.h"
#include "train/step/dry_run.h"

namespace drift {

std::string memory_advice(const TrainConfig& config, int lanes, std::int64_t capacity) {
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  NullBackend backend(*stream);
  const std::unique_ptr<Model> model = make_model(config.model);
  model->parameters.allocate(backend);
  const std::int64_t one = dry_run(*model, 1, config.machine.precision, kTraining, backend);
  const std::int64_t each = dry_run(*model, 2, config.machine.precision, kTraining, backend) - one;
  const std::int64_t fixed = one - each;
  const std::int64_t batch = std::max<std::int64_t>(0, (capacity / lanes - fixed) / each);
  const std::string need = fmt::format("{:.2f} MB of activations an image, {} worker(s) at once, {:.2f} GB for them",
                                       1e-6 * static_cast<double>(each), lanes, 1e-9 * static_cast<double>(capacity));
  if (batch == 0) return fmt::format("Not even a local batch of 1 fits ({}): use fewer workers", need);
  return fmt::format("A --local-batch of {} would fit ({})", batch, need);
}

}  // namespace drift
