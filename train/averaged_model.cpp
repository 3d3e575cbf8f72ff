#include "train/averaged_model.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace drift {
namespace {

class FirstImages final : public Dataset {
 public:
  FirstImages(const Dataset& all, std::int64_t size) : all_(all), size_(size) {}

  std::int64_t size() const override { return size_; }
  Shape image_shape() const override { return all_.image_shape(); }
  std::span<const std::string> class_names() const override { return all_.class_names(); }
  void read_image(std::int64_t index, std::span<std::uint8_t> image) const override { all_.read_image(index, image); }
  std::int32_t label(std::int64_t index) const override { return all_.label(index); }

 private:
  const Dataset& all_;
  std::int64_t size_;
};

}  // namespace

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
  const std::int64_t batch = config_.evaluation.batch, images = data_.test->size();
  for (const std::int64_t size : {std::min(batch, images), images % batch}) {
    if (size == 0) continue;
    drift::evaluate(*model_, FirstImages(*data_.test, size), data_.normalisation, config_.machine.precision, size,
                    *backend_, pool_);
  }
  if (config_.sync.scope.batch_norm == BatchNormPolicy::kReestimate) {
    TrainConfig config = config_;
    config.sync.scope.bn_batches = 1;
    reestimate_batch_norm(*model_, *data_.train, data_.normalisation, config, /*step=*/0, *backend_, pool_,
                          replicas_.images());
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
  if (exchange_) exchange_->mean(mean, *backend_);
}

void AveragedModel::set_statistics(Step step, BatchNormPolicy policy, const std::atomic<bool>& stop) {
  switch (policy) {
    case BatchNormPolicy::kReestimate:
      reestimate_batch_norm(*model_, *data_.train, data_.normalisation, config_, step, *backend_, pool_,
                            replicas_.images(), exchange_.get(), stop);
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

Evaluation AveragedModel::evaluate(const std::atomic<bool>& stop) {
  DRIFT_ASSERT(model_, "nothing was averaged yet");
  const Evaluation result = drift::evaluate(*model_, *data_.test, data_.normalisation, config_.machine.precision,
                                            config_.evaluation.batch, *backend_, pool_, exchange_.get(), stop);
  DRIFT_CHECK(kDiverged, std::isfinite(result.loss), "the test loss is {} after {} steps", result.loss, step_);
  return result;
}

}  // namespace drift
