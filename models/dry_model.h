// A network whose parameters are addresses without memory behind them, of any size on any machine: for backends that
// plan, count or trace, and never touch what an operation names.
#pragma once

#include <memory>

#include "models/registry.h"

namespace drift {

// With training state. Throws what make_model() throws.
std::unique_ptr<Model> make_dry_model(const ModelOptions& options);

}  // namespace drift
