// See workspace.h.
#include "kernels/cpu/workspace.h"

#include <algorithm>

namespace drift {

Spares<Storage>& Workspace::pieces() {
  static Spares<Storage> instance([] { return std::make_unique<Storage>(); });
  return instance;
}

std::byte* Workspace::taken(std::size_t bytes) {
  const bool is_own = bytes <= kOwnMax;
  if (!is_own && !piece_) piece_.emplace(pieces());
  Storage& storage = is_own ? own_ : **piece_;
  if (bytes > storage.bytes()) {
    storage = Storage();  // free first
    storage = Storage(Device{}, bytes);
  }
  largest_ = std::max(largest_, bytes);
  return static_cast<std::byte*>(storage.data());
}

}  // namespace drift
