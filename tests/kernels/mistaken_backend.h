// MistakenBackend: the right backend but for copies, which are whatever a test does with them. So the harness and its
// checks are shown to see a mistake.
#pragma once

#include <functional>
#include <utility>

#include "kernels/observed/forwarding_backend.h"

namespace drift::testing {

class MistakenBackend final : public ForwardingBackend {
 public:
  using CopyOf = std::function<void(Backend&, const TensorView& x, const TensorView& y)>;
  MistakenBackend(Backend& right, CopyOf copy) : ForwardingBackend(right), copy_(std::move(copy)) {}

  void run(const Op& op) override {
    const auto* const copy = std::get_if<Copy>(&op);
    copy != nullptr ? copy_(inner(), copy->from, copy->to) : inner().run(op);
  }

 private:
  CopyOf copy_;
};

}  // namespace drift::testing
