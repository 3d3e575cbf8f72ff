// NullBackend does nothing: what is derived from it counts, plans or traces instead of computing, on memory that nobody
// touches.
#pragma once

#include "kernels/backend.h"

namespace drift {

class NullBackend : public Backend {
 public:
  explicit NullBackend(Stream& stream) : stream_(stream) {}

  Stream& stream() override { return stream_; }
  void run(const Op&) override {}

 private:
  Stream& stream_;
};

}  // namespace drift
