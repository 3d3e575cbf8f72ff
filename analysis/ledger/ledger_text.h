// A ledger for people, as tables of a terminal, and for programs, as JSON.
#pragma once

#include <string>

#include "analysis/ledger/ledger.h"
#include "core/json_lines.h"

namespace drift {

// name: of the run.
std::string ledger_text(const Profile& profile, const std::string& name);
// Forward and backward of each layer, of the kind of step that was recorded most.
std::string layers_text(const Profile& profile);

// Everything of both, and kernels, in seconds.
Json ledger_json(const Profile& profile);

}  // namespace drift
