// The ResNets for ImageNet: torchvision's sizes, names and start, where the strides lie, and that every parameter gets
// a gradient.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "models/layer_trace.h"
#include "tests/engine/environment.h"

namespace drift {
namespace {

using testing::Environment;
using testing::expect_error;

ModelOptions options(std::int64_t classes = 1000) {
  return {.name = "resnet50", .classes = classes};
}
std::unique_ptr<Model> resnet50(std::int64_t classes = 1000) {
  return make_model(options(classes));
}

struct Size {
  ModelOptions options;
  std::int64_t parameters, multiply_adds, statistics;
};

class ImageNetResNetSize : public ::testing::TestWithParam<Size> {};

TEST_P(ImageNetResNetSize, IsTorchvisions) {
  const Size& size = GetParam();
  const std::unique_ptr<Model> model = make_model(size.options);
  EXPECT_EQ(model->input, (Shape{224, 224, 3}));
  EXPECT_EQ(model->parameters.parameter_count(), size.parameters);
  std::int64_t described = 0, multiply_adds = 0, statistics = 0;
  for (const LayerInfo& layer : trace_layers(size.options)) {
    described += layer.parameters;
    multiply_adds += layer.multiply_adds;
  }
  EXPECT_EQ(described, size.parameters);
  EXPECT_EQ(multiply_adds, size.multiply_adds);
  for (const Buffer* buffer : model->parameters.buffer_list()) statistics += buffer->shape().elements();
  EXPECT_EQ(statistics, size.statistics);
}

// Counted by torchvision's own modules at 224x224.
INSTANTIATE_TEST_SUITE_P(
    Models, ImageNetResNetSize,
    ::testing::Values(Size{{.name = "resnet18", .classes = 1000}, 11689512, 1814073344, 9600},
                      Size{{.name = "resnet34", .classes = 1000}, 21797672, 3663761408, 17024},
                      Size{{.name = "resnet50", .classes = 1000}, 25557032, 4089184256, 53120},
                      Size{{.name = "resnet50", .classes = 1000, .resnet_v1 = true}, 25557032, 3857973248, 53120},
                      Size{{.name = "resnet50", .classes = 10}, 25557032 - 990 * 2049, 4089184256 - 990 * 2048, 53120},
                      Size{{.name = "resnet101", .classes = 1000}, 44549160, 7801405440, 105344},
                      Size{{.name = "resnet152", .classes = 1000}, 60192808, 11513626624, 151424}),
    [](const auto& tested) {
      const ModelOptions& options = tested.param.options;
      return fmt::format("{}_{}{}", options.name, options.classes, options.resnet_v1 ? "_v1" : "");
    });

TEST(ResNet50, NamesAreTorchvisions) {
  const std::unique_ptr<Model> model = resnet50();
  const ParameterSet& set = model->parameters;
  const std::vector<std::string> head{"conv1.weight",
                                      "bn1.weight",
                                      "bn1.bias",
                                      "layer1.0.conv1.weight",
                                      "layer1.0.bn1.weight",
                                      "layer1.0.bn1.bias",
                                      "layer1.0.conv2.weight",
                                      "layer1.0.bn2.weight",
                                      "layer1.0.bn2.bias",
                                      "layer1.0.conv3.weight",
                                      "layer1.0.bn3.weight",
                                      "layer1.0.bn3.bias",
                                      "layer1.0.downsample.0.weight",
                                      "layer1.0.downsample.1.weight",
                                      "layer1.0.downsample.1.bias",
                                      "layer1.1.conv1.weight"};
  ASSERT_EQ(set.parameters().size(), 53u * 3 + 2);
  for (std::size_t i = 0; i < head.size(); ++i) EXPECT_EQ(set.parameters()[i]->name(), head[i]);
  EXPECT_EQ(set.parameters()[159]->name(), "fc.weight");
  EXPECT_EQ(set.parameters()[160]->name(), "fc.bias");
  ASSERT_EQ(set.buffer_list().size(), 53u * 2);
  EXPECT_EQ(set.buffer_list()[0]->name(), "bn1.running_mean");
  EXPECT_EQ(set.buffer_list()[105]->name(), "layer4.2.bn3.running_var");
  const auto has_shape = [&set](std::string_view name, const Shape& shape) {
    const Parameter* const parameter = set.find_parameter(name);
    return parameter != nullptr && parameter->shape() == shape;
  };
  EXPECT_TRUE(has_shape("conv1.weight", {64, 7, 7, 3}));
  EXPECT_TRUE(has_shape("layer2.0.conv2.weight", {128, 3, 3, 128}));
  EXPECT_TRUE(has_shape("layer3.5.conv3.weight", {1024, 1, 1, 256}));
  EXPECT_TRUE(has_shape("layer4.0.downsample.0.weight", {2048, 1, 1, 1024}));
  EXPECT_TRUE(has_shape("fc.weight", {1000, 2048}));
  for (const char* absent : {"layer1.1.downsample.0.weight", "layer1.3.conv1.weight", "conv1.bias"}) {
    EXPECT_EQ(set.find_parameter(absent), nullptr) << absent;
  }
  EXPECT_NE(set.find_buffer("layer4.0.downsample.1.running_mean"), nullptr);
}

// In the order of torchvision's state dict, with basic blocks.
TEST(ResNet18, NamesAreTorchvisions) {
  const std::unique_ptr<Model> model = make_model({.name = "resnet18", .classes = 1000});
  const ParameterSet& set = model->parameters;
  const auto name = [&set](std::size_t i) { return set.parameters()[i]->name(); };
  ASSERT_EQ(set.parameters().size(), 62u);
  EXPECT_EQ(name(3), "layer1.0.conv1.weight");
  EXPECT_EQ(name(6), "layer1.0.conv2.weight");
  EXPECT_EQ(name(9), "layer1.1.conv1.weight");
  EXPECT_EQ(name(21), "layer2.0.downsample.0.weight");
  EXPECT_EQ(name(24), "layer2.1.conv1.weight");
  EXPECT_EQ(name(60), "fc.weight");
  EXPECT_EQ(set.find_parameter("fc.weight")->shape(), (Shape{1000, 512}));
  EXPECT_EQ(set.find_parameter("layer4.0.conv1.weight")->shape(), (Shape{512, 3, 3, 256}));
  for (const char* absent : {"layer1.0.conv3.weight", "layer1.0.downsample.0.weight"}) {
    EXPECT_EQ(set.find_parameter(absent), nullptr) << absent;
  }
}

TEST(ResNet50, StartsFromTheFanOut) {
  const std::unique_ptr<Model> model = resnet50();
  const auto start = [&model](std::string_view name) { return model->parameters.find_parameter(name)->init(); };
  for (const auto& [name, fan_out] : {std::pair{"conv1.weight", 64 * 49},
                                      {"layer2.0.conv2.weight", 128 * 9},
                                      {"layer1.0.conv3.weight", 256},
                                      {"layer4.0.downsample.0.weight", 2048}}) {
    EXPECT_EQ(start(name).kind, Init::Kind::kNormal) << name;
    EXPECT_FLOAT_EQ(start(name).value, std::sqrt(2.0f / static_cast<float>(fan_out))) << name;
  }
  EXPECT_FLOAT_EQ(start("fc.weight").value, 1 / std::sqrt(3 * 2048.0f));
  EXPECT_EQ(start("layer1.0.bn3.weight").value, 1);
}

// The last gamma of every block, and no other.
TEST(ImageNetResNet, ZeroInitResidualStartsEveryBlockAsItsShortcut) {
  for (const auto& [name, last, blocks] :
       {std::tuple{"resnet18", "bn2.weight", 8}, std::tuple{"resnet50", "bn3.weight", 16}}) {
    int zeros = 0;
    const std::unique_ptr<Model> model = make_model({.name = name, .zero_init_residual = true});
    for (const Parameter* parameter : model->parameters.parameters()) {
      if (parameter->role() != ParameterRole::kNormScale) continue;
      const bool ends_a_block = parameter->name().starts_with("layer") && parameter->name().ends_with(last);
      EXPECT_EQ(parameter->init().value, ends_a_block ? 0 : 1) << name << " " << parameter->name();
      zeros += parameter->init().value == 0 ? 1 : 0;
    }
    EXPECT_EQ(zeros, blocks) << name;
  }
}

TEST(ResNet50, LayersDescribeOneImageInTheOrderOfComputation) {
  const std::vector<LayerInfo> layers = trace_layers(options());
  struct Row {
    std::string name, kind;
    Shape output;
  };
  const auto expect_rows = [&layers](const std::vector<Row>& rows) {
    auto layer = std::find_if(layers.begin(), layers.end(), [&](const auto& it) { return it.name == rows[0].name; });
    ASSERT_LE(rows.size(), static_cast<std::size_t>(layers.end() - layer)) << rows[0].name;
    for (const Row& row : rows) {
      EXPECT_EQ(layer->name, row.name);
      EXPECT_EQ(layer->kind, row.kind) << row.name;
      EXPECT_EQ(layer->output, row.output) << row.name;
      ++layer;
    }
  };
  ASSERT_EQ(layers.size(), 3 + 16 * 6 + 4 * 2 + 2u);
  EXPECT_EQ(layers[0].name, "conv1");
  expect_rows({{"conv1", "conv 7x7/2", {112, 112, 64}},
               {"bn1", "batch norm + relu", {112, 112, 64}},
               {"maxpool", "max pool 3x3/2", {56, 56, 64}},
               {"layer1.0.conv1", "conv 1x1/1", {56, 56, 64}}});
  expect_rows({{"layer2.0.conv1", "conv 1x1/1", {56, 56, 128}},
               {"layer2.0.bn1", "batch norm + relu", {56, 56, 128}},
               {"layer2.0.conv2", "conv 3x3/2", {28, 28, 128}},
               {"layer2.0.bn2", "batch norm + relu", {28, 28, 128}},
               {"layer2.0.conv3", "conv 1x1/1", {28, 28, 512}},
               {"layer2.0.downsample.0", "conv 1x1/2", {28, 28, 512}},
               {"layer2.0.downsample.1", "batch norm", {28, 28, 512}},
               {"layer2.0.bn3", "batch norm + add + relu", {28, 28, 512}},
               {"layer2.1.conv1", "conv 1x1/1", {28, 28, 128}}});
  expect_rows({{"layer4.2.bn3", "batch norm + add + relu", {7, 7, 2048}},
               {"avgpool", "global average pool", {2048}},
               {"fc", "linear", {1000}}});
}

// With options.resnet_v1 the image is halved before the 3x3 convolution.
TEST(ResNet50, V1HasItsStridesInTheFirst1x1) {
  const std::vector<LayerInfo> layers = trace_layers({.name = "resnet50", .resnet_v1 = true});
  const auto kind_of = [&layers](std::string_view name) {
    const auto layer = std::ranges::find(layers, name, &LayerInfo::name);
    return layer == layers.end() ? "" : layer->kind;
  };
  for (const char* stage : {"layer2", "layer3", "layer4"}) {
    EXPECT_EQ(kind_of(fmt::format("{}.0.conv1", stage)), "conv 1x1/2");
    EXPECT_EQ(kind_of(fmt::format("{}.0.conv2", stage)), "conv 3x3/1");
    EXPECT_EQ(kind_of(fmt::format("{}.0.downsample.0", stage)), "conv 1x1/2");
  }
  EXPECT_EQ(kind_of("layer1.0.conv1"), "conv 1x1/1");
}

class ImageNetResNetGradients : public ::testing::TestWithParam<ModelOptions> {};

// On small images: the network does not depend on their size.
TEST_P(ImageNetResNetGradients, EveryParameterGetsOne) {
  Environment environment;
  const std::unique_ptr<Model> model = make_model(GetParam());
  model->parameters.allocate(environment.backend());
  model->parameters.initialise(environment.backend(), 1);
  const Tensor images = environment.normal({2, 64, 61, 3}, 0);
  Tape tape(environment.backend(), environment.pool(), DType::kFloat32, kTraining);
  const Tensor logits = model->network->forward(tape, images);
  ASSERT_EQ(logits.shape(), (Shape{2, 10}));
  EXPECT_EQ(tape.value_count(), static_cast<int>(trace_layers(GetParam()).size()));
  const Tensor labels = environment.cyclic_labels(2, 10);
  const Tensor result = softmax_cross_entropy(tape, logits, labels.view());
  tape.backward();
  EXPECT_TRUE(std::isfinite(environment.read(result)[0]));
  for (const Parameter* parameter : model->parameters.parameters()) {
    double magnitude = 0;
    for (const float value : environment.read(parameter->gradient())) magnitude += std::abs(value);
    EXPECT_TRUE(std::isfinite(magnitude) && magnitude > 0) << parameter->name() << ": " << magnitude;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, ImageNetResNetGradients,
                         ::testing::Values(ModelOptions{.name = "resnet18"}, ModelOptions{.name = "resnet50"},
                                           ModelOptions{.name = "resnet50", .resnet_v1 = true}),
                         [](const auto& tested) { return tested.param.name + (tested.param.resnet_v1 ? "_v1" : ""); });

// A block whose last gamma is 0 passes its input on, whatever its convolutions are.
TEST(ResNet50, BlocksThatKeepTheShapeAddTheirInput) {
  Environment environment;
  const std::unique_ptr<Model> model = resnet50(10);
  model->parameters.allocate(environment.backend(), false);
  model->parameters.initialise(environment.backend(), 1);
  const auto clear = [&](std::string_view name) {
    environment.backend().fill(model->parameters.find_parameter(name)->value(), 0);
  };
  const Tensor images = environment.normal({1, 32, 32, 3}, 0);
  const auto logits = [&] {
    Tape tape(environment.backend(), environment.pool(), DType::kFloat32, kInference);
    return environment.read(model->network->forward(tape, images));
  };
  clear("layer1.1.bn3.weight");
  const std::vector<float> before = logits();
  clear("layer1.1.conv3.weight");
  EXPECT_EQ(logits(), before);
  clear("layer1.2.conv3.weight");
  EXPECT_NE(logits(), before);
}

TEST(ResNet50, IsNotAnotherNetwork) {
  const auto expect_refused = [](const ModelOptions& options, const std::vector<std::string_view>& pieces) {
    expect_error(ErrorKind::kConfig, pieces, [&] { make_model(options); });
  };
  expect_refused({.name = "resnet50", .norm = "group"}, {"resnet50", "'batch'", "'group'", "CIFAR"});
  expect_refused({.name = "resnet49"}, {"6n+2", "resnet50", "'resnet44'"});
  expect_refused({.name = "resnet51"}, {"6n+2", "resnet50", "'resnet56'"});
  expect_refused({.name = "resnet050"}, {"'resnet050'", "Did you mean 'resnet50'?"});
  expect_refused({.name = "resnet102"}, {"'resnet102'", "Did you mean 'resnet101'?", "cifar-resnetD"});
  for (const char* name : {"resnet18", "resnet34", "resnet20", "vgg16"}) {
    expect_refused({.name = name, .resnet_v1 = true}, {"--resnet-v1", name, "has none", "resnet50"});
  }
  for (const char* name : {"resnet20", "cifar-resnet8", "vgg16"}) {
    expect_refused({.name = name, .zero_init_residual = true}, {"--zero-init-residual", name, "torchvision"});
  }
  expect_refused({.name = "resnet26"}, {"'resnet26'", "Did you mean 'cifar-resnet26'?"});
  expect_refused({.name = "resnext50"}, {"Did you mean 'resnet50'?"});
}

}  // namespace
}  // namespace drift
