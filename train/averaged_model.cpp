#include "train/averaged_model.h"

#include <cmath>

#include "core/check.h"

namespace drift {

AveragedModel::AveragedModel(const TrainConfig& config, const DataSource& data, const Replicas& replicas,
                             const Membership& membership, Device device, int threads)
    : config_(config),
      data_(data),
      replicas_(replicas),
      exchange_(membership.make_exchange()),
      stream_(make_stream(device, threads)),
      backend_(make_backend(*stream_, backend_options(config.machine))),
      pool_(device),
      finite_check_(device) {}

const Model& AveragedModel::update(Step step, BatchNormPolicy policy) {
  if (!model_) {
    model_ = make_model(config_.model);
    model_->parameters.allocate(*backend_, /*with_training_state=*/false);
  }
  average(&ParameterSet::values);
  if (!model_->parameters.buffers().empty()) set_statistics(step, policy);
  finite_check_.enqueue(model_->parameters, *backend_);
  const NonFiniteCounts counts = finite_check_.take();  // waits; whoever trains on then may change the replicas
  DRIFT_CHECK(kDiverged, counts.none(), "the averaged model is not finite after {} steps: {} are NaN or infinite", step,
              to_string(counts));
  step_ = step;
  return *model_;
}

void AveragedModel::average(Arena arena) {
  std::vector<const float*> replicas;
  for (int k = 0; k < replicas_.size(); ++k) replicas.push_back((replicas_.parameters(k).*arena)().data());
  const std::span<float> mean = (model_->parameters.*arena)();
  float* const target = mean.data();
  backend_->average(replicas, std::span(&target, 1), std::ssize(mean), exchange_ ? /*divisor=*/1 : 0);
  if (exchange_) exchange_->mean(mean, *backend_);
}

void AveragedModel::set_statistics(Step step, BatchNormPolicy policy) {
  switch (policy) {
    case BatchNormPolicy::kReestimate:
      reestimate_batch_norm(*model_, *data_.train, data_.normalisation, config_, step, *backend_, pool_,
                            replicas_.images(), exchange_.get());
      return;
    case BatchNormPolicy::kAverage:
      return average(&ParameterSet::buffers);
    case BatchNormPolicy::kLocal:
      backend_->copy(as_tensor(replicas_.parameters(0).buffers()), as_tensor(model_->parameters.buffers()));
      if (exchange_) exchange_->broadcast(model_->parameters.buffers(), /*root=*/0, *backend_);
      return;
    case BatchNormPolicy::kStored:
      break;
  }
  DRIFT_FAIL(kInternal, "the average of replicas has no stored statistics");
}

Evaluation AveragedModel::evaluate() {
  DRIFT_ASSERT(model_, "nothing was averaged yet");
  const Evaluation result = drift::evaluate(*model_, *data_.test, data_.normalisation, config_.machine.precision,
                                            config_.evaluation.batch, *backend_, pool_, exchange_.get());
  DRIFT_CHECK(kDiverged, std::isfinite(result.loss), "the test loss is {} after {} steps", result.loss, step_);
  return result;
}

}  // namespace drift
