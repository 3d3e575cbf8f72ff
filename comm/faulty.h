// FaultyCommunicator: makes one worker misbehave on purpose, so that tests can show that nobody hangs and nothing
// depends on who comes first. Delays are a hook, not a sleep: the test decides when the worker goes on.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "comm/communicator.h"

namespace drift {

struct Faults {
  // Counted from 0 on: this call throws kComm and takes all workers with it.
  std::optional<std::int64_t> fail_on_call = {};
  // Runs on this worker before each call, the failing one included.
  std::function<void(std::int64_t call)> before_call = {};
};

class FaultyCommunicator final : public Communicator {
 public:
  FaultyCommunicator(std::unique_ptr<Communicator> inner, Faults faults);

  int worker() const override { return inner_->worker(); }
  int workers() const override { return inner_->workers(); }
  void all_reduce_mean(std::span<float> values, Backend& backend, DType wire = DType::kFloat32) override;
  void node_mean(std::span<float> values, int count, Backend& backend) override;
  void prepare_means(Backend& backend) override { inner_->prepare_means(backend); }
  void start_mean(std::span<float> values, Backend& backend, DType wire = DType::kFloat32) override;
  void wait_for_means(Backend& backend) override { inner_->wait_for_means(backend); }
  std::span<const MeanTimes> times_of_means() const override { return inner_->times_of_means(); }
  void broadcast(std::span<float> values, int root, Backend& backend) override;
  void barrier() override;
  void meet() override { inner_->meet(); }
  void abort(std::string_view reason) noexcept override { inner_->abort(reason); }
  std::int64_t bytes_sent() const override { return inner_->bytes_sent(); }

 private:
  void begin_call();

  std::unique_ptr<Communicator> inner_;
  Faults faults_;
  std::int64_t calls_ = 0;
};

}  // namespace drift
