// What the stand-in of CUPTI is told: kernels that become nodes of a graph, their places in executable graphs, and
// kernels that have run. Calls come with the runtime's lock held.
#pragma once

#include <cstdint>
#include <string>

namespace drift::emulator {

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void node_created(const void* node) = 0;  // in the thread that captures
  virtual void node_cloned(const void* node, const void* clone) = 0;
  // clone: the node that it was of a launched graph; nullptr outside of graphs.
  virtual void kernel_ran(const std::string& name, const void* clone, std::int64_t begin_ns, std::int64_t end_ns) = 0;
};

// There is one, or none; it must outlive all calls.
void observe(Observer* observer);

}  // namespace drift::emulator
