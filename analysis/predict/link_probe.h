// The link between processes as an alpha-beta model, measured: round trips of several sizes, and the line through them.
#pragma once

#include <cstdint>
#include <span>

#include "comm/link.h"
#include "comm/transport.h"

namespace drift {

struct RoundTrip {
  std::int64_t bytes = 0;  // there, and as many back
  double seconds = 0;
};

// seconds / 2 = latency + bytes / rate, by least squares of relative errors: what small messages take counts as much as
// what large ones do. Where noise makes one of them negative, it is nearly nothing.
LinkOptions fit_link(std::span<const RoundTrip> trips);

// All processes of the transport call it, on host memory, and all learn the same. Each sends to the next one while it
// receives from the one before, as in an exchange; the shortest of several times of the slowest process.
LinkOptions probe_link(Transport& transport);

}  // namespace drift
