// FakeBackend: a CPU backend of plain loops for tests of what sits beside the maths. It can copy, fill, cast and
// average host memory; every other operation fails the test that asks for it. Derive from it to fake more.
#pragma once

#include "kernels/backend.h"

namespace drift::testing {

class FakeStream final : public Stream {
 public:
  Device device() const override { return {}; }
  int threads() const override { return 1; }
  void synchronize() override {}
};

class FakeBackend : public Backend {
 public:
  Stream& stream() override { return stream_; }
  void run(const Op& op) override;

 private:
  FakeStream stream_;
};

}  // namespace drift::testing
