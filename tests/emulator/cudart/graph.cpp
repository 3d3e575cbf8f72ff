#include "tests/emulator/cudart/graph.h"

#include <algorithm>
#include <utility>

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
  for (const auto& [object, count] : objects) {
    object->release(count);
    if (object->destroyed()) runtime().objects.remove(object.get());
  }
}

std::shared_ptr<const GraphBody> make_body(const Graph& graph) {
  auto body = std::make_shared<GraphBody>();
  for (const auto& node : graph.nodes) {
    body->works.push_back(node->work);
    std::vector<std::size_t> after;
    for (const GraphNode* earlier : node->after) after.push_back(earlier->index);
    body->after.push_back(std::move(after));
  }
  body->reaches = reachability(body->after);
  return body;
}

std::shared_ptr<ExecutableGraph> instantiate(const std::shared_ptr<Graph>& graph) {
  auto executable = std::make_shared<ExecutableGraph>();
  executable->body = make_body(*graph);
  executable->source = graph;
  for (const auto& node : graph->nodes) executable->index_of[node.get()] = node->index;
  return executable;
}

bool update(ExecutableGraph& executable, const Graph& graph) {
  auto body = make_body(graph);
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
  executable.last_launch = runtime().scheduler.enqueue(stream, std::move(work), std::move(after),
                                                       std::make_shared<GraphRun>(executable.body));
  executable.last_clock = stream.clock;
  for (const Work& node : executable.body->works) {
    if (!node.records) continue;
    node.records->operation = executable.last_launch;
    node.records->clock = stream.clock;
    node.records->captured = false;
  }
}

GraphRun::GraphRun(std::shared_ptr<const GraphBody> body)
    : body_(std::move(body)), started_(body_->works.size()), left_(body_->works.size()) {
  static std::uint64_t runs = 0;
  id_ = ++runs;
  for (const Work& work : body_->works) pinned_.emplace_back(work);
  for (const auto& after : body_->after) waits_for_.push_back(after.size());
}

std::vector<int> GraphRun::ready() const {
  std::vector<int> nodes;
  for (std::size_t node = 0; node < started_.size(); ++node) {
    if (!started_[node] && waits_for_[node] == 0) nodes.push_back(static_cast<int>(node));
  }
  return nodes;
}

void GraphRun::finish(int node) {
  --left_;
  const auto finished = static_cast<std::size_t>(node);
  for (std::size_t later = finished + 1; later < started_.size(); ++later) {
    const auto& after = body_->after[later];
    if (std::find(after.begin(), after.end(), finished) != after.end()) --waits_for_[later];
  }
}

OperationRecord GraphRun::record(const Operation& launch, int node) const {
  return {launch.clock,  launch.stream, launch.sequence, work(node).name, id_, static_cast<std::size_t>(node),
          body_->reaches};
}

}  // namespace drift::emulator
