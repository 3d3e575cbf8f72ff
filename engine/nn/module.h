// Module: a network or a part of it. It owns references into a ParameterSet and options, no memory of its own. Not
// copyable: a replica is built again from the same description, then its arenas are copied.
#pragma once

#include "engine/ops/ops.h"

namespace drift {

class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  virtual Tensor forward(Tape& tape, const Tensor& x) const = 0;
};

}  // namespace drift
