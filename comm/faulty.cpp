#include "comm/faulty.h"

#include <utility>

#include "core/check.h"

namespace drift {

FaultyCommunicator::FaultyCommunicator(std::unique_ptr<Communicator> inner, Faults faults)
    : inner_(std::move(inner)), faults_(std::move(faults)) {}

void FaultyCommunicator::begin_call() {
  const std::int64_t call = calls_++;
  if (faults_.before_call) faults_.before_call(call);
  if (faults_.fail_on_call != call) return;
  const std::string reason = fmt::format("planned fault on call {} of worker {}", call, worker());
  inner_->abort(reason);
  DRIFT_FAIL(kComm, "{}", reason);
}

void FaultyCommunicator::all_reduce_mean(std::span<float> values, Backend& backend, DType wire) {
  begin_call();
  inner_->all_reduce_mean(values, backend, wire);
}

void FaultyCommunicator::node_mean(std::span<float> values, int count, Backend& backend) {
  begin_call();
  inner_->node_mean(values, count, backend);
}

void FaultyCommunicator::start_mean(std::span<float> values, Backend& backend, DType wire) {
  begin_call();
  inner_->start_mean(values, backend, wire);
}

void FaultyCommunicator::broadcast(std::span<float> values, int root, Backend& backend) {
  begin_call();
  inner_->broadcast(values, root, backend);
}

void FaultyCommunicator::barrier() {
  begin_call();
  inner_->barrier();
}

}  // namespace drift
