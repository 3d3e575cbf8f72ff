// Addresses without memory behind them, for backends that plan or count and never touch what an operation names: a
// network of any size can then be looked at on a machine of any size.
#pragma once

#include <memory>

#include "kernels/device.h"

namespace drift {

std::shared_ptr<MemorySource> addresses_alone();

}  // namespace drift
