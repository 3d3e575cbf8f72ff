// Graphs: what a stream capture collects, what instantiation freezes, what a launch runs. Nodes of a launched graph run
// in random topological order, interleaved with other streams; every launch of an executable graph is ordered after its
// earlier ones, as CUDA promises.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/emulator/cudart/race.h"
#include "tests/emulator/cudart/stream.h"

namespace drift::emulator {

struct Launch;
struct Graph;
struct ExecutableGraph;

struct GraphNode {
  std::size_t index = 0;
  Work work;
  std::vector<GraphNode*> after;
  std::shared_ptr<const Graph> child;     // whose nodes run in place of this one
  std::vector<void*> parameter_pointers;  // what cudaGraphKernelNodeGetParams hands out
};

class UserObject {
 public:
  UserObject(void* object, cudaHostFn_t destroy, unsigned references)
      : object_(object), destroy_(destroy), references_(references) {}
  void retain(unsigned count) { references_ += count; }
  bool release(unsigned count);  // false: there are not that many; the last one destroys the object
  bool destroyed() const { return references_ == 0; }

 private:
  void* object_;
  cudaHostFn_t destroy_;
  unsigned references_;
};

struct Graph {
  std::vector<std::unique_ptr<GraphNode>> nodes;
  std::vector<std::pair<std::shared_ptr<UserObject>, unsigned>> objects;
  std::weak_ptr<ExecutableGraph> executable;  // of a graph that allocates: there may be one

  GraphNode* add(Work work, const std::vector<GraphNode*>& after);
  ~Graph();
};

struct Capture {
  std::uint64_t id = 0;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id thread;
  Stream* origin = nullptr;
  std::vector<Stream*> members;  // the origin and those that joined by an event
  std::shared_ptr<Graph> graph = std::make_shared<Graph>();
  bool invalidated = false;
};

// The nodes as instantiation or the last update left them. Never changed: launches under way keep theirs.
struct GraphBody {
  std::shared_ptr<const Graph> source;  // keeps user objects and the memory of the graph alive
  std::vector<Work> works;
  std::vector<std::vector<std::size_t>> after;
  std::shared_ptr<const Reachability> reaches;
};

struct ExecutableGraph {
  std::shared_ptr<const GraphBody> body;
  std::unordered_map<const GraphNode*, std::size_t> index_of;
  std::shared_ptr<const Graph> source;  // keeps the keys of index_of alive
  std::shared_ptr<Operation> last_launch;
  Clock last_clock;
};

// One launch under way.
class GraphRun {
 public:
  explicit GraphRun(std::shared_ptr<const GraphBody> body);

  std::vector<int> ready() const;  // nodes that may run now
  const Work& work(int node) const { return body_->works[node]; }
  const PinnedGuard& pinned(int node) const { return pinned_[node]; }
  void start(int node) { started_[node] = true; }
  // Of a node that may run, in a launch that began at `launched`.
  Nanoseconds begin(int node, Nanoseconds launched) const;
  void finish(int node, Nanoseconds launched, Nanoseconds duration);
  Nanoseconds end(Nanoseconds launched) const;  // of the nodes that are finished
  // What an event stands for that this node records: it is done when the node is.
  std::shared_ptr<Operation> recorded(std::size_t node) const { return recorded_[node]; }
  void order_after(Clock& clock) const;  // joins what happened before the events that nodes wait for
  bool finished() const { return left_ == 0; }
  OperationRecord record(const Operation& launch, int node) const;

 private:
  std::shared_ptr<const GraphBody> body_;
  std::vector<PinnedGuard> pinned_;
  std::vector<std::shared_ptr<Operation>> recorded_, awaited_;  // by node, mostly empty
  std::vector<std::pair<std::size_t, Clock>> awaited_clocks_;   // by waiting node
  std::vector<std::size_t> waits_for_;                          // unfinished nodes before each
  std::vector<bool> started_;
  std::vector<Nanoseconds> ends_;
  std::size_t left_;
  std::uint64_t id_;
};

std::shared_ptr<Graph> copy(const Graph& graph);
std::shared_ptr<ExecutableGraph> instantiate(const std::shared_ptr<Graph>& graph);
// Takes the works of a graph with the same nodes and edges; false if it has not.
bool update(ExecutableGraph& executable, const std::shared_ptr<Graph>& graph);
void replace_work(ExecutableGraph& executable, std::size_t node, Work work);
void launch(ExecutableGraph& executable, Stream& stream);

}  // namespace drift::emulator
