// This machine, as it calls itself.
#pragma once

#include <string>

namespace drift {

std::string host_name();

}  // namespace drift
