// OwnArena: floats like those of a replica's parameters, beside them: each parameter has its place there, too.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "engine/parameter_set.h"

namespace drift {

class OwnArena {
 public:
  // All 0. source: as ParameterSet::allocate().
  OwnArena(const ParameterSet& replica, Backend& backend, std::shared_ptr<MemorySource> source = nullptr)
      : memory_(backend.stream().device(), replica.values().size_bytes(), std::move(source)),
        size_(replica.values().size()) {
    backend.fill(as_tensor(floats()), 0);
  }

  std::span<float> floats() const { return {static_cast<float*>(memory_.data()), size_}; }

 private:
  Storage memory_;
  std::size_t size_;
};

}  // namespace drift
