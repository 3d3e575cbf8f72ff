// See vgg.h. Names are torchvision's: features.N counts convolutions, activations and pools; the linear layer is
// `classifier`.
#include "models/vgg.h"

#include <cmath>
#include <utility>

#include "core/check.h"
#include "models/layer_list.h"

namespace drift {
namespace {

struct Stage {
  std::int64_t channels;
  int convolutions;
};
constexpr Stage kStages[] = {{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}};  // a pool ends each
constexpr Window kPool{.size = 2, .stride = 2, .pad = 0};

struct ConvPlan {
  std::string name;  // "features.0"
  std::string activation_name;
  Conv2dOptions options;
  std::string pool_name;  // empty where no pool follows
};

std::vector<ConvPlan> plan_convolutions(std::int64_t image_channels) {
  std::vector<ConvPlan> plans;
  std::int64_t in_channels = image_channels;
  int position = 0;
  const auto next_name = [&position] { return fmt::format("features.{}", position++); };
  for (const Stage& stage : kStages) {
    for (int i = 0; i < stage.convolutions; ++i) {
      ConvPlan plan;
      plan.name = next_name();
      plan.activation_name = next_name();
      plan.options = {.in_channels = in_channels, .out_channels = stage.channels, .bias = true};
      plans.push_back(std::move(plan));
      in_channels = stage.channels;
    }
    plans.back().pool_name = next_name();
  }
  return plans;
}

LinearOptions classifier_options(std::int64_t features, const ModelOptions& options) {
  return {.in_features = features,
          .out_features = options.classes,
          .weight_std = std::sqrt(2.0f / static_cast<float>(features))};
}

class Vgg final : public Module {
 public:
  Vgg(ParameterSet& set, std::vector<ConvPlan> plans, const LinearOptions& classifier) : plans_(std::move(plans)) {
    for (const ConvPlan& plan : plans_) {
      convolutions_.push_back(std::make_unique<Conv2d>(set, plan.name, plan.options));
    }
    classifier_ = std::make_unique<Linear>(set, "classifier", classifier);
  }

  Tensor forward(Tape& tape, const Tensor& images) const override {
    Tensor x = images;
    for (std::size_t i = 0; i < plans_.size(); ++i) {
      x = activation(tape, convolutions_[i]->forward(tape, x), Activation::kSilu);
      if (!plans_[i].pool_name.empty()) x = pool(tape, x, Pooling::kAverage, kPool);
    }
    // [N,1,1,C] -> [N,C]
    return classifier_->forward(tape, x.reshaped({x.shape()[0], x.shape().elements() / x.shape()[0]}));
  }

 private:
  std::vector<ConvPlan> plans_;
  std::vector<std::unique_ptr<Conv2d>> convolutions_;
  std::unique_ptr<Linear> classifier_;
};

std::vector<LayerInfo> list_layers(const Shape& input, const std::vector<ConvPlan>& plans,
                                   const LinearOptions& classifier) {
  LayerList rows(input);
  for (const ConvPlan& plan : plans) {
    rows.convolution(plan.name, plan.options);
    rows.elementwise(plan.activation_name, "silu");
    if (!plan.pool_name.empty()) rows.pool(plan.pool_name, Pooling::kAverage, kPool);
  }
  rows.linear("classifier", classifier);
  return rows.take();
}

}  // namespace

std::unique_ptr<Model> make_vgg16(const ModelOptions& options) {
  DRIFT_CHECK(kConfig, options.norm == ModelOptions{}.norm,
              "vgg16 has no normalisation, yet norm '{}' was asked for; a norm can be chosen for CIFAR ResNets",
              options.norm);
  auto model = std::make_unique<Model>();
  model->options = options;
  model->input = {32, 32, 3};
  std::vector<ConvPlan> plans = plan_convolutions(model->input.channels());
  const LinearOptions classifier = classifier_options(plans.back().options.out_channels, options);
  model->layers = list_layers(model->input, plans, classifier);
  model->network = std::make_unique<Vgg>(model->parameters, std::move(plans), classifier);
  return model;
}

}  // namespace drift
