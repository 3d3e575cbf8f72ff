#include "train/averaged_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "core/check.h"
#include "data/subset.h"

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

void AveragedModel::allocate() {
  if (model_) return;
  model_ = make_model(config_.model);
  model_->parameters.allocate(*backend_, /*with_training_state=*/false, exchange_ ? exchange_->memory() : nullptr);
}

void AveragedModel::rehearse() {
  allocate();
  const std::int64_t batch = config_.evaluation.batch_of(data_.test->image_shape());
  for (const Dataset* dataset : {data_.test.get(), data_.validation.get()}) {
    if (dataset == nullptr) continue;
    for (const std::int64_t size : {std::min(batch, dataset->size()), dataset->size() % batch}) {
      if (size == 0) continue;
      std::vector<std::int64_t> first(static_cast<std::size_t>(size));
      std::iota(first.begin(), first.end(), 0);
      drift::evaluate(*model_, Subset(*dataset, std::move(first)), data_.normalisation, config_.machine.precision, size,
                      *backend_, pool_, replicas_.loading());
    }
  }
  if (config_.sync.scope.batch_norm == BatchNormPolicy::kReestimate) {
    TrainConfig config = config_;
    config.sync.scope.bn_batches = 1;
    reestimate_batch_norm(*model_, *data_.train, data_.normalisation, config, /*step=*/0, *backend_, pool_,
                          replicas_.loading(), replicas_.images());
  }
  finite_check_.enqueue(model_->parameters, *backend_);
  (void)finite_check_.take();
}

const Model& AveragedModel::update(Step step, BatchNormPolicy policy, const std::atomic<bool>& stop) {
  allocate();
  average(&ParameterSet::values);
  if (!model_->parameters.buffers().empty()) set_statistics(step, policy, stop);
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
  if (exchange_) exchange_->mean(mean, DType::kFloat32, *backend_);
}

void AveragedModel::set_statistics(Step step, BatchNormPolicy policy, const std::atomic<bool>& stop) {
  switch (policy) {
    case BatchNormPolicy::kReestimate:
      reestimate_batch_norm(*model_, *data_.train, data_.normalisation, config_, step, *backend_, pool_,
                            replicas_.loading(), replicas_.images(), exchange_.get(), stop);
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

std::optional<Evaluation> AveragedModel::validate(const std::atomic<bool>& stop) {
  return data_.validation ? std::optional(evaluate(*data_.validation, "validation", stop)) : std::nullopt;
}

Evaluation AveragedModel::evaluate(const Dataset& dataset, std::string_view name, const std::atomic<bool>& stop) {
  DRIFT_ASSERT(model_, "nothing was averaged yet");
  const Evaluation result = drift::evaluate(*model_, dataset, data_.normalisation, config_.machine.precision,
                                            config_.evaluation.batch_of(dataset.image_shape()), *backend_, pool_,
                                            replicas_.loading(), exchange_.get(), stop);
  DRIFT_CHECK(kDiverged, std::isfinite(result.loss), "the {} loss is {} after {} steps", name, result.loss, step_);
  return result;
}

}  // namespace drift
