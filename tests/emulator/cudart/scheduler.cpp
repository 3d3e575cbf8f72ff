#include "tests/emulator/cudart/scheduler.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "tests/emulator/cudart/graph.h"
#include "tests/emulator/cudart/host_order.h"
#include "tests/emulator/cudart/report.h"
#include "tests/emulator/cudart/runtime.h"
#include "tests/emulator/cudart/settings.h"

namespace drift::emulator {
namespace {

thread_local bool inside_host_function = false;

// All that an operation waits for is done by now.
Nanoseconds begin_of(const Stream& stream, const Operation& operation) {
  Nanoseconds begin = std::max(stream.end, operation.queued_at);
  for (const auto& earlier : operation.after) begin = std::max(begin, earlier->end);
  return begin;
}

}  // namespace

bool Scheduler::in_host_function() {
  return inside_host_function;
}

Scheduler::Scheduler(std::recursive_mutex& mutex, RaceChecker& races)
    : mutex_(mutex), races_(races), random_(settings().seed) {}

std::shared_ptr<Stream> Scheduler::create(int device, unsigned flags, int priority) {
  auto stream = std::make_shared<Stream>();
  stream->id = next_stream_id_++;
  stream->device = device;
  stream->priority = priority;
  stream->flags = flags;
  stream->blocking = (flags & cudaStreamNonBlocking) == 0;
  streams_.push_back(stream);
  return stream;
}

Stream& Scheduler::default_stream(int device) {
  if (default_streams_.size() <= static_cast<std::size_t>(device)) default_streams_.resize(device + 1);
  std::shared_ptr<Stream>& stream = default_streams_[device];
  if (!stream) {
    stream = create(device, cudaStreamDefault, /*priority=*/0);
    stream->is_default = true;
  }
  return *stream;
}

void Scheduler::destroy(const std::shared_ptr<Stream>& stream) {
  stream->destroyed = true;
  if (stream->queue.empty()) forget(stream);
}

void Scheduler::forget(const std::shared_ptr<Stream>& stream) {
  if (stream->blocking) default_stream(stream->device).clock.join(stream->clock);
  std::erase(streams_, stream);
}

// The default stream waits for all blocking streams of its device, and they for it.
void Scheduler::order_with_default_stream(Stream& stream, Operation& operation) {
  if (!stream.blocking) return;
  for (const auto& other : streams_) {
    if (other.get() == &stream || !other->blocking || other->device != stream.device) continue;
    if (!stream.is_default && !other->is_default) continue;
    if (other->last) operation.after.push_back(other->last);
    stream.clock.join(other->clock);
  }
}

std::shared_ptr<Operation> Scheduler::enqueue(Stream& stream, Work work, std::vector<std::shared_ptr<Operation>> after,
                                              std::shared_ptr<GraphRun> graph) {
  auto operation = std::make_shared<Operation>();
  operation->pinned = PinnedGuard(work);
  operation->work = std::move(work);
  operation->after = std::move(after);
  operation->graph = std::move(graph);
  operation->device = stream.device;
  operation->stream = stream.id;
  host_time().queue(cost_to_queue(operation->work));
  operation->queued_at = host_time().now();
  order_with_default_stream(stream, *operation);
  stream.clock.join(host_clock());
  operation->sequence = stream.clock.advance(stream.id);
  operation->clock = std::make_shared<Clock>(stream.clock);
  stream.queue.push_back(operation);
  stream.last = operation;
  changed_.notify_all();
  if (settings().eager && !operation->work.gate) run_until([&] { return operation->done; }, operation->work.name);
  return operation;
}

bool Scheduler::may_start(const Operation& operation, const std::function<bool()>& gate) {
  const auto& after = operation.after;
  if (!std::all_of(after.begin(), after.end(), [](const auto& earlier) { return earlier->done; })) return false;
  if (!gate || gate()) return true;
  gate_closed_ = true;
  return false;
}

std::vector<Scheduler::Candidate> Scheduler::candidates() {
  gate_closed_ = false;
  std::vector<Candidate> found;
  for (const auto& stream : streams_) {
    if (stream->queue.empty() || stream->queue.front()->started) continue;
    const Operation& head = *stream->queue.front();
    if (!head.graph || head.graph->finished()) {
      if (may_start(head, head.work.gate)) found.push_back({stream, -1});
      continue;
    }
    for (const int node : head.graph->ready()) {
      if (may_start(head, head.graph->work(node).gate)) found.push_back({stream, node});
    }
  }
  return found;
}

bool Scheduler::run_one() {
  if (running_ != nullptr) stop("'" + running_->work.name + "' waits for other work while it runs on a stream");
  const std::vector<Candidate> all = candidates();
  if (all.empty()) return false;
  run(all[settings().seed == 0 ? 0 : random_() % all.size()]);
  return true;
}

bool Scheduler::reached(const std::shared_ptr<Operation>& operation) {
  while (!operation->done && run_one()) {
  }
  return operation->done && host_time().poll(operation->end);
}

void Scheduler::run(const Candidate& candidate) {
  const std::shared_ptr<Stream> stream = candidate.stream;
  const std::shared_ptr<Operation> operation = stream->queue.front();
  const std::shared_ptr<GraphRun> graph = operation->graph;
  const bool whole = candidate.node < 0;
  const Work work = whole ? operation->work : graph->work(candidate.node);
  if (settings().race) {
    races_.begin(whole ? OperationRecord{operation->clock, operation->stream, operation->sequence, work.name, 0, 0, {}}
                       : graph->record(*operation, candidate.node));
  }
  trace("stream " + std::to_string(operation->stream) + ": " + work.name);
  if (whole) {
    operation->started = true;
  } else {
    graph->start(candidate.node);
  }
  const Nanoseconds launched = begin_of(*stream, *operation);
  begin_ = whole ? launched : graph->begin(candidate.node, launched);
  moved_ = 0;
  timer_ = 0;
  running_ = operation.get();
  run_work(work, whole ? operation->pinned : graph->pinned(candidate.node));
  running_ = nullptr;
  const Nanoseconds length = duration(work, moved_, timer_);
  if (Observer* const observer = runtime().observer; observer != nullptr && work.type == cudaGraphNodeTypeKernel) {
    observer->kernel_ran(work.name, whole ? nullptr : &graph->work(candidate.node), begin_, begin_ + length);
  }
  if (whole) {
    finish(stream, graph ? graph->end(launched) : launched + length);
  } else {
    graph->finish(candidate.node, launched, length);
  }
  changed_.notify_all();
}

void Scheduler::finish(const std::shared_ptr<Stream>& stream, Nanoseconds end) {
  Operation& operation = *stream->queue.front();
  operation.end = stream->end = end;
  operation.done = true;
  operation.work = Work{};  // lets go of what it held
  operation.after.clear();
  operation.graph.reset();
  stream->queue.pop_front();
  if (stream->destroyed && stream->queue.empty()) forget(stream);
}

void Scheduler::run_work(const Work& work, const PinnedGuard& pinned) {
  if (!work.run || sticky_ != cudaSuccess) return;
  try {
    pinned.check();
    if (work.calls_host) {
      call_host(work.run);
    } else {
      work.run();
    }
  } catch (const std::exception& error) {
    report_fault("in '" + work.name + "': " + error.what());
    sticky_ = cudaErrorIllegalAddress;
  }
}

// The program's function may wait for other threads of the program, which need the lock to go on.
void Scheduler::call_host(const std::function<void()>& function) {
  Operation* const operation = std::exchange(running_, nullptr);
  ++host_functions_running_;
  mutex_.unlock();
  inside_host_function = true;
  {
    const BorrowedThread borrowed(*operation->clock);
    function();
  }
  inside_host_function = false;
  mutex_.lock();
  --host_functions_running_;
  ++host_functions_run_;
  running_ = operation;
}

void Scheduler::run_until(const std::function<bool()>& done, const std::string& what) {
  auto went_on = std::chrono::steady_clock::now();
  while (!done()) {
    if (run_one()) {
      went_on = std::chrono::steady_clock::now();
      continue;
    }
    if (host_functions_running_ > 0) {
      changed_.wait(mutex_);
      continue;
    }
    const auto limit = std::chrono::seconds(settings().timeout_seconds);
    if (gate_closed_ && std::chrono::steady_clock::now() - went_on < limit) {
      changed_.wait_for(mutex_, std::chrono::milliseconds(1));  // a gate of another process opens without a word
      continue;
    }
    const std::string reason =
        gate_closed_ ? "a collective waits for ranks that did not come within EMU_TIMEOUT" : "no stream can go on";
    report_fault("the wait for " + what + " never ends: " + reason);
    sticky_ = cudaErrorUnknown;
    return;
  }
}

void Scheduler::wait(const std::shared_ptr<Operation>& operation, const Clock& clock) {
  if (!operation) return;
  run_until([&] { return operation->done; }, "'" + operation->work.name + "'");
  host_time().reach(operation->end);
  host_clock().join(clock);
}

void Scheduler::wait(Stream& stream) {
  const Clock clock = stream.clock;
  wait(stream.last, clock);
  if (!stream.is_default) return;
  for (const auto& other : std::vector(streams_)) {  // a copy: waiting may let go of destroyed streams
    if (other->blocking && other->device == stream.device) wait(other->last, Clock(other->clock));
  }
}

void Scheduler::wait_for_device(int device) {
  for (const auto& stream : std::vector(streams_)) {
    if (stream->device == device) wait(stream->last, Clock(stream->clock));
  }
}

}  // namespace drift::emulator
