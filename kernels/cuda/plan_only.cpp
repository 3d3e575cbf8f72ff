// PlanningBackend: builds the plan of every convolution and batch norm that it is asked for, on a device that need not
// be there, and runs nothing. A model's forward and backward through it lists what the model needs of cuDNN.
#include "kernels/cuda.h"
#include "kernels/cuda/cudnn/plan_cache.h"
#include "kernels/null_backend.h"

namespace drift {
namespace {

class PlanningBackend final : public NullBackend {
 public:
  PlanningBackend(Stream& stream, const std::filesystem::path& device_properties, const BackendOptions& options)
      : NullBackend(stream),
        tf32_(options.tf32),
        explain_(options.explain_plan),
        target_(read_plan_target(device_properties)),
        cache_(PlanCache::shared(device_properties.string(), target_.device, options.plan_file)) {}

  void conv2d_forward(const Conv2dForward& args) override { plan(graph_of(args, tf32_)); }
  void conv2d_backward_data(const Conv2dBackwardData& args) override { plan(graph_of(args, tf32_)); }
  void conv2d_backward_weights(const Conv2dBackwardWeights& args) override { plan(graph_of(args, tf32_)); }
  void batch_norm_forward(const BatchNormForward& args) override {
    if (cudnn_supports(args)) plan(graph_of(args));
  }
  void batch_norm_backward(const BatchNormBackward& args) override {
    if (cudnn_supports(args)) plan(graph_of(args));
  }

 private:
  void plan(const GraphRequest& request) { cache_->plan(request, target_, explain_); }

  bool tf32_;
  PlanCache::Explain explain_;
  PlanTarget target_;
  std::shared_ptr<PlanCache> cache_;
};

}  // namespace

std::unique_ptr<Backend> make_planning_backend(Stream& stream, const std::filesystem::path& device_properties,
                                               const BackendOptions& options) {
  return std::make_unique<PlanningBackend>(stream, device_properties, options);
}

}  // namespace drift
