// The kernels that a device ran for operations, where --profile-kernels was given: a table, and JSON.
#pragma once

#include <string>
#include <string_view>

#include "analysis/ledger/profile.h"
#include "core/json_lines.h"

namespace drift {

// Of all layers and workers together, by part of a step, operation and kernel; the longest first. Says where there are
// none.
std::string kernels_text(const Profile& profile);

// One by one, in seconds.
Json kernels_json(const Profile& profile);

// "packets<true, SgdStep>" of "void drift::launch::packets<true, drift::SgdStep>(long, drift::SgdStep)", and no longer
// than so many letters.
std::string short_kernel_name(std::string_view name, std::size_t most);

}  // namespace drift
