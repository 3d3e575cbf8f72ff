#include "tests/emulator/cudart/graph.h"

#include <algorithm>
#include <utility>

#include "tests/emulator/cudart/graph_memory.h"
#include "tests/emulator/cudart/runtime.h"

namespace drift::emulator {
namespace {

std::shared_ptr<const Reachability> reachability(const std::vector<std::vector<std::size_t>>& after) {
  auto reaches = std::make_shared<Reachability>(after.size(), std::vector<bool>(after.size()));
  for (std::size_t node = 0; node < after.size(); ++node) {  // nodes come after those they depend on
    for (const std::size_t earlier : after[node]) {
      (*reaches)[node][earlier] = true;
      for (std::size_t other = 0; other < earlier; ++other) {
        if ((*reaches)[earlier][other]) (*reaches)[node][other] = true;
      }
    }
  }
  return reaches;
}

using Indices = std::unordered_map<const GraphNode*, std::size_t>;

// Nodes that nothing precedes come after `before`. A child's nodes go before its own, at which all of them have ended.
void add_nodes(const Graph& graph, const std::vector<std::size_t>& before, GraphBody& body, Indices& index_of) {
  for (const auto& node : graph.nodes) {
    std::vector<std::size_t> after;
    for (const GraphNode* earlier : node->after) after.push_back(index_of.at(earlier));
    if (after.empty()) after = before;
    if (node->child) {
      const std::size_t first = body.works.size();
      add_nodes(*node->child, std::vector(after), body, index_of);
      for (std::size_t inner = first; inner < body.works.size(); ++inner) after.push_back(inner);
    }
    index_of[node.get()] = body.works.size();
    body.works.push_back(node->work);
    body.after.push_back(std::move(after));
  }
}

std::shared_ptr<const GraphBody> make_body(const std::shared_ptr<Graph>& graph, Indices& index_of) {
  auto body = std::make_shared<GraphBody>();
  body->source = graph;
  add_nodes(*graph, {}, *body, index_of);
  body->reaches = reachability(body->after);
  Observer* const observer = runtime().observer;
  for (const auto& [node, index] : index_of) {
    const Work& clone = body->works[index];
    if (observer != nullptr && clone.type == cudaGraphNodeTypeKernel) observer->node_cloned(node, &clone);
  }
  return body;
}

}  // namespace

bool UserObject::release(unsigned count) {
  if (count > references_) return false;
  references_ -= count;
  if (references_ == 0) destroy_(object_);
  return true;
}

GraphNode* Graph::add(Work work, const std::vector<GraphNode*>& after) {
  auto node = std::make_unique<GraphNode>();
  node->index = nodes.size();
  node->work = std::move(work);
  for (GraphNode* earlier : after) {
    if (std::find(node->after.begin(), node->after.end(), earlier) == node->after.end()) node->after.push_back(earlier);
  }
  nodes.push_back(std::move(node));
  return nodes.back().get();
}

Graph::~Graph() {
  release_addresses(runtime(), *this);
  for (const auto& [object, count] : objects) {
    object->release(count);
    if (object->destroyed()) runtime().objects.remove(object.get());
  }
}

std::shared_ptr<Graph> copy(const Graph& graph) {
  auto made = std::make_shared<Graph>();
  for (const auto& node : graph.nodes) {
    std::vector<GraphNode*> after;
    for (const GraphNode* earlier : node->after) after.push_back(made->nodes[earlier->index].get());
    made->add(node->work, after)->child = node->child;
  }
  for (const auto& [object, count] : graph.objects) object->retain(count);
  made->objects = graph.objects;
  return made;
}

std::shared_ptr<ExecutableGraph> instantiate(const std::shared_ptr<Graph>& graph) {
  auto executable = std::make_shared<ExecutableGraph>();
  executable->body = make_body(graph, executable->index_of);
  executable->source = graph;
  graph->executable = executable;
  return executable;
}

bool update(ExecutableGraph& executable, const std::shared_ptr<Graph>& graph) {
  if (has_memory_nodes(*graph)) return false;
  Indices unused;
  auto body = make_body(graph, unused);
  const bool same_types =
      std::equal(body->works.begin(), body->works.end(), executable.body->works.begin(), executable.body->works.end(),
                 [](const Work& a, const Work& b) { return a.type == b.type; });
  if (!same_types || body->after != executable.body->after) return false;
  executable.body = std::move(body);
  return true;
}

void replace_work(ExecutableGraph& executable, std::size_t node, Work work) {
  auto body = std::make_shared<GraphBody>(*executable.body);
  body->works[node] = std::move(work);
  executable.body = std::move(body);
}

void launch(ExecutableGraph& executable, Stream& stream) {
  Work work;
  work.name = "graph";
  work.type = cudaGraphNodeTypeGraph;
  std::vector<std::shared_ptr<Operation>> after;
  if (executable.last_launch) after.push_back(executable.last_launch);
  stream.clock.join(executable.last_clock);
  host_time().queue(kGraphLaunch + kGraphNode * static_cast<Nanoseconds>(executable.body->works.size()));
  const auto run = std::make_shared<GraphRun>(executable.body);
  executable.last_launch = runtime().scheduler.enqueue(stream, std::move(work), std::move(after), run);
  run->order_after(stream.clock);
  executable.last_clock = stream.clock;
  for (std::size_t node = 0; node < executable.body->works.size(); ++node) {
    Event* const event = executable.body->works[node].records.get();
    if (event == nullptr) continue;
    event->operation = run->recorded(node);
    event->clock = stream.clock;
    event->captured = false;
  }
}

GraphRun::GraphRun(std::shared_ptr<const GraphBody> body)
    : body_(std::move(body)), started_(body_->works.size()), ends_(body_->works.size()), left_(body_->works.size()) {
  static std::uint64_t runs = 0;
  id_ = ++runs;
  for (const Work& work : body_->works) {
    pinned_.emplace_back(work);
    recorded_.push_back(work.records ? std::make_shared<Operation>() : nullptr);
    if (work.records) recorded_.back()->work.name = work.name;
    awaited_.push_back(work.waits ? work.waits->operation : nullptr);
    if (work.waits) awaited_clocks_.emplace_back(awaited_.size() - 1, work.waits->clock);
  }
  for (const auto& after : body_->after) waits_for_.push_back(after.size());
}

std::vector<int> GraphRun::ready() const {
  std::vector<int> nodes;
  for (std::size_t node = 0; node < started_.size(); ++node) {
    const bool awaits = awaited_[node] && !awaited_[node]->done;
    if (!started_[node] && waits_for_[node] == 0 && !awaits) nodes.push_back(static_cast<int>(node));
  }
  return nodes;
}

Nanoseconds GraphRun::begin(int node, Nanoseconds launched) const {
  const auto index = static_cast<std::size_t>(node);
  if (awaited_[index]) launched = std::max(launched, awaited_[index]->end);
  for (const std::size_t earlier : body_->after[index]) launched = std::max(launched, ends_[earlier]);
  return launched;
}

void GraphRun::finish(int node, Nanoseconds launched, Nanoseconds duration) {
  --left_;
  const auto finished = static_cast<std::size_t>(node);
  ends_[finished] = begin(node, launched) + duration;
  if (recorded_[finished]) {
    recorded_[finished]->done = true;
    recorded_[finished]->end = ends_[finished];
  }
  for (std::size_t later = finished + 1; later < started_.size(); ++later) {
    const auto& after = body_->after[later];
    if (std::find(after.begin(), after.end(), finished) != after.end()) --waits_for_[later];
  }
}

Nanoseconds GraphRun::end(Nanoseconds launched) const {
  for (const Nanoseconds end : ends_) launched = std::max(launched, end);
  return launched;
}

void GraphRun::order_after(Clock& clock) const {
  for (const auto& [node, awaited] : awaited_clocks_) clock.join(awaited);
}

OperationRecord GraphRun::record(const Operation& launch, int node) const {
  const auto index = static_cast<std::size_t>(node);
  std::shared_ptr<const Clock> clock = launch.clock;
  for (const auto& [waiting, awaited] : awaited_clocks_) {
    if (waiting != index && !(*body_->reaches)[index][waiting]) continue;
    auto later = std::make_shared<Clock>(*clock);
    later->join(awaited);
    clock = std::move(later);
  }
  return {std::move(clock), launch.stream, launch.sequence, work(node).name, id_, index, body_->reaches};
}

}  // namespace drift::emulator
