// PlanningBackend: builds the plan of every convolution and batch norm of cuDNN's that it is asked for, on a device
// that need not be there, and runs nothing. A model's forward and backward through it lists what the model needs of
// cuDNN.
#include "kernels/cuda.h"
#include "kernels/cuda/cudnn/plan_cache.h"
#include "kernels/cuda/gradient_addition.h"
#include "kernels/cuda/narrow_convolution.h"
#include "kernels/observed/null_backend.h"

namespace drift {
namespace {

class PlanningBackend final : public NullBackend {
 public:
  PlanningBackend(Stream& stream, const std::filesystem::path& device_properties, const BackendOptions& options)
      : NullBackend(stream),
        tf32_(options.tf32),
        explain_(options.explain_plan),
        target_(read_plan_target(device_properties)),
        cudnn_batch_norm_(options.batch_norm == BatchNormKernels::kCudnn),
        batch_norm_multiprocessors_(batch_norm_multiprocessors(target_, options)),
        cache_(PlanCache::shared(device_properties.string(), target_.device, options.plan_file)) {}

  void run(const Op& op) override {
    std::visit([this](const auto& args) { plan_for(args); }, op);
  }
  bool adds_to_gradient(const Conv2dBackwardData& op) const override { return drift::adds_to_gradient(op); }

 private:
  void plan_for(const Conv2dForward& args) { plan_convolution(args); }
  void plan_for(const Conv2dBackwardData& args) { plan_convolution(args); }
  void plan_for(const Conv2dBackwardWeights& args) { plan_convolution(args); }
  void plan_for(const BatchNormForward& args) {
    if (cudnn_batch_norm_ && cudnn_supports(args)) plan(graph_of(args, batch_norm_multiprocessors_));
  }
  void plan_for(const BatchNormBackward& args) {
    if (cudnn_batch_norm_ && cudnn_supports(args)) plan(graph_of(args, batch_norm_multiprocessors_));
  }
  template <class Other>
  void plan_for(const Other&) {}

  template <class Convolution>
  void plan_convolution(const Convolution& args) {
    if (!is_narrow(args)) plan(graph_of(args, tf32_));
  }

  void plan(const GraphRequest& request) { cache_->plan(request, target_, explain_); }

  bool tf32_;
  PlanCache::Explain explain_;
  PlanTarget target_;
  bool cudnn_batch_norm_;
  std::int64_t batch_norm_multiprocessors_;
  std::shared_ptr<PlanCache> cache_;
};

}  // namespace

std::unique_ptr<Backend> make_planning_backend(Stream& stream, const std::filesystem::path& device_properties,
                                               const BackendOptions& options) {
  return std::make_unique<PlanningBackend>(stream, device_properties, options);
}

}  // namespace drift
