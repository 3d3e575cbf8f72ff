// SyncScope in words, for every result that is printed or stored: no default is hidden.
#pragma once

#include <string>

#include "train/config/config.h"

namespace drift {

// "averaged model, batch-norm statistics re-estimated on 100 batches, momentum kept local"
std::string describe_scope(const SyncConfig& sync, bool has_batch_norm);

}  // namespace drift
