// How much memory this process could still get, as far as the system says: what the machine has and could free, and
// what the limits of the process and of its container or job leave.
#pragma once

#include <cstdint>
#include <filesystem>

namespace drift {

// Bytes. root: where the system's /proc and /sys are, for tests. Without /proc the machine's free memory is all that is
// known.
std::int64_t available_host_bytes(const std::filesystem::path& root = "/");

}  // namespace drift
