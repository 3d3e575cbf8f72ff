#include "models/dry_model.h"

#include "kernels/observed/addresses.h"
#include "kernels/observed/null_backend.h"

namespace drift {

std::unique_ptr<Model> make_dry_model(const ModelOptions& options) {
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  NullBackend nothing(*stream);
  std::unique_ptr<Model> model = make_model(options);
  model->parameters.allocate(nothing, /*with_training_state=*/true, addresses_alone());
  return model;
}

}  // namespace drift
