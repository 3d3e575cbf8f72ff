// Floats on a backend's device, which may go to the other processes of a team.
#pragma once

#include <cstddef>
#include <span>

#include "comm/exchange.h"
#include "kernels/backend.h"

namespace drift {

class DeviceFloats {
 public:
  // others: nullptr where they stay here.
  DeviceFloats(std::size_t count, Backend& backend, const Exchange* others)
      : memory_(backend.stream().device(), count * sizeof(float), others == nullptr ? nullptr : others->memory()),
        values_(static_cast<float*>(memory_.data()), count) {}
  std::span<float> values() const { return values_; }

 private:
  Storage memory_;
  std::span<float> values_;
};

}  // namespace drift
