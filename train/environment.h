// The machine and the build a run happened on, for env.json and `drift doctor`.
#pragma once

#include "core/json_lines.h"

namespace drift {

// Hardware, system, versions and the environment variables that steer threads and sums.
Json describe_environment();
// Versions of what this binary is made of.
Json describe_build();

}  // namespace drift
