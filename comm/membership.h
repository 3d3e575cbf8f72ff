// Membership: how this process takes part in a team.
#pragma once

#include <memory>
#include <optional>

#include "comm/control.h"
#include "comm/exchange.h"
#include "comm/team.h"
#include "comm/transport.h"

namespace drift {

struct Membership {
  Team team;
  std::shared_ptr<Transport> transport = {};  // between its processes; nullptr for one
  std::shared_ptr<Control> control = {};      // a trainer needs it, an average does not
  int cores = 1;                              // of the CPU, for this process
  std::optional<Device> device = {};          // of its workers, where the team decides; else the configuration does

  static Membership alone(int workers);
  // For what its workers average.
  std::shared_ptr<MemorySource> memory() const { return transport ? transport->memory() : nullptr; }
  // nullptr where there are no other processes.
  std::unique_ptr<Exchange> make_exchange(Reduce reduce = Reduce::kTree) const {
    return team.processes > 1 ? std::make_unique<Exchange>(team, transport, reduce) : nullptr;
  }
};

}  // namespace drift
