// See op.h.
#include "kernels/op.h"

namespace drift {

std::string_view name_of(const Op& op) {
  return std::visit([]<class Args>(const Args&) { return Args::kName; }, op);
}

}  // namespace drift
