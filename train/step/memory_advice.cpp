#include "train/step/memory_advice.h"

#include <algorithm>
#include <fmt/format.h>
#include <new>

#include "kernels/observed/null_backend.h"
#include "models/dry_model.h"
#include "train/step/dry_run.h"

namespace drift {

ActivationBytes activation_bytes(const TrainConfig& config, const Shape& image) {
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  NullBackend backend(*stream);
  try {
    const std::unique_ptr<Model> model = make_dry_model(config.model);
    const auto of = [&](std::int64_t batch) {
      return dry_run(*model, {batch, image[0], image[1], image[2]}, config.machine.precision, kTraining, backend);
    };
    const std::int64_t one = of(1), each = of(2) - one;
    return {.fixed = one - each, .each = each};
  } catch (const OutOfMemory&) {
    return {};
  } catch (const std::bad_alloc&) {
    return {};
  }
}

std::string memory_advice(const ActivationBytes& activations, std::int64_t failed_batch, int lanes,
                          std::int64_t capacity) {
  if (activations.each == 0) return "Use a smaller --local-batch or fewer workers";
  const std::int64_t fitting = (capacity / lanes - activations.fixed) / activations.each;
  const std::int64_t batch = std::clamp<std::int64_t>(fitting, 0, failed_batch - 1);
  const std::string need =
      fmt::format("{:.2f} MB of activations an image, {} worker(s) at once, {:.2f} GB for them",
                  1e-6 * static_cast<double>(activations.each), lanes, 1e-9 * static_cast<double>(capacity));
  if (batch == 0) return fmt::format("Not even a local batch of 1 fits ({}): use fewer workers", need);
  return fmt::format("A --local-batch of {} would fit ({})", batch, need);
}

}  // namespace drift
