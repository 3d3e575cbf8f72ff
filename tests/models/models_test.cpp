// The networks: exact sizes, names, rows of the description, and that they compute.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <set>

#include "engine/optim/sgd.h"
#include "kernels/observed/null_backend.h"
#include "models/layer_trace.h"
#include "tests/engine/environment.h"
#include "tests/support/learning_rate.h"

namespace drift {
namespace {

using testing::Environment;
using testing::expect_error;

ModelOptions named(const std::string& name) {
  return {.name = name};
}
ModelOptions with_group_norm(const std::string& name) {
  return {.name = name, .norm = "group"};
}

struct Size {
  ModelOptions options;
  std::int64_t parameters, multiply_adds;
};

class ModelSize : public ::testing::TestWithParam<Size> {};

TEST_P(ModelSize, IsExact) {
  const std::unique_ptr<Model> model = make_model(GetParam().options);
  EXPECT_EQ(model->parameters.parameter_count(), GetParam().parameters);
  std::int64_t described = 0, multiply_adds = 0;
  for (const LayerInfo& layer : trace_layers(GetParam().options)) {
    described += layer.parameters;
    multiply_adds += layer.multiply_adds;
  }
  EXPECT_EQ(described, GetParam().parameters);
  EXPECT_EQ(multiply_adds, GetParam().multiply_adds);
}

// resnet20 .. resnet110: (n, parameters, multiply-adds) of the architecture with 16, 32, 64 channels.
INSTANTIATE_TEST_SUITE_P(
    Models, ModelSize,
    ::testing::Values(Size{named("resnet20"), 269722, 40551040}, Size{named("resnet32"), 464154, 68862592},
                      Size{named("resnet44"), 658586, 97174144}, Size{named("resnet56"), 853018, 125485696},
                      Size{named("resnet110"), 1727962, 252887680},
                      Size{with_group_norm("resnet56"), 853018, 125485696}, Size{named("vgg16"), 14719818, 313201664}),
    [](const auto& tested) { return tested.param.options.name + "_" + tested.param.options.norm; });

TEST(Models, TheArenaOfResNet56HasNoPadding) {
  Environment environment;
  const std::unique_ptr<Model> model = make_model(named("resnet56"));
  model->parameters.allocate(environment.backend(), false);
  EXPECT_EQ(model->parameters.values().size(), 853018u);
  EXPECT_EQ(model->parameters.buffers().size(), 2u * 2032u);
}

TEST(Models, ResNetNamesAreThoseOfPyTorchModels) {
  const std::unique_ptr<Model> model = make_model(named("resnet20"));
  const ParameterSet& set = model->parameters;
  const std::vector<std::string> head{"conv1.weight",          "bn1.weight",          "bn1.bias",
                                      "layer1.0.conv1.weight", "layer1.0.bn1.weight", "layer1.0.bn1.bias",
                                      "layer1.0.conv2.weight", "layer1.0.bn2.weight", "layer1.0.bn2.bias"};
  ASSERT_EQ(set.parameters().size(), 19u * 3 + 2);
  for (std::size_t i = 0; i < head.size(); ++i) EXPECT_EQ(set.parameters()[i]->name(), head[i]);
  EXPECT_EQ(set.parameters()[57]->name(), "linear.weight");
  EXPECT_EQ(set.parameters()[58]->name(), "linear.bias");
  ASSERT_EQ(set.buffer_list().size(), 19u * 2);
  EXPECT_EQ(set.buffer_list()[0]->name(), "bn1.running_mean");
  EXPECT_EQ(set.buffer_list()[1]->name(), "bn1.running_var");
  EXPECT_EQ(set.buffer_list()[37]->name(), "layer3.2.bn2.running_var");
  ASSERT_NE(set.find_parameter("layer2.0.conv1.weight"), nullptr);
  EXPECT_EQ(set.find_parameter("layer2.0.conv1.weight")->shape(), (Shape{32, 3, 3, 16}));
  EXPECT_EQ(set.find_parameter("linear.weight")->shape(), (Shape{10, 64}));
}

TEST(Models, GroupNormKeepsTheNamesAndHasNoBuffers) {
  const std::unique_ptr<Model> batch = make_model(named("resnet20"));
  const std::unique_ptr<Model> group = make_model(with_group_norm("resnet20"));
  ASSERT_EQ(group->parameters.parameters().size(), batch->parameters.parameters().size());
  for (std::size_t i = 0; i < batch->parameters.parameters().size(); ++i) {
    EXPECT_EQ(group->parameters.parameters()[i]->name(), batch->parameters.parameters()[i]->name());
  }
  EXPECT_TRUE(group->parameters.buffer_list().empty());
}

TEST(Models, VggNamesCountTheLayersOfTorchvision) {
  const std::unique_ptr<Model> model = make_model(named("vgg16"));
  std::vector<std::string> weights;
  for (const Parameter* parameter : model->parameters.parameters()) {
    if (parameter->role() == ParameterRole::kConvWeight) weights.push_back(parameter->name());
  }
  std::vector<std::string> expected;
  for (const int position : {0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28}) {
    expected.push_back(fmt::format("features.{}.weight", position));
  }
  EXPECT_EQ(weights, expected);
  ASSERT_NE(model->parameters.find_parameter("classifier.weight"), nullptr);
  EXPECT_EQ(model->parameters.find_parameter("classifier.weight")->shape(), (Shape{10, 512}));
  EXPECT_NE(model->parameters.find_parameter("features.28.bias"), nullptr);
}

TEST(Models, StartAsThePaperSays) {
  const std::unique_ptr<Model> resnet = make_model(named("resnet20"));
  const auto deviation = [](const Model& model, std::string_view name) {
    const Parameter* const parameter = model.parameters.find_parameter(name);
    EXPECT_NE(parameter, nullptr) << name;
    EXPECT_EQ(parameter->init().kind, Init::Kind::kNormal) << name;
    return parameter->init().value;
  };
  EXPECT_FLOAT_EQ(deviation(*resnet, "conv1.weight"), std::sqrt(2.0f / 27));
  EXPECT_FLOAT_EQ(deviation(*resnet, "layer2.0.conv1.weight"), std::sqrt(2.0f / (16 * 9)));
  EXPECT_FLOAT_EQ(deviation(*resnet, "linear.weight"), 0.01f);
  const std::unique_ptr<Model> vgg = make_model(named("vgg16"));
  EXPECT_FLOAT_EQ(deviation(*vgg, "features.28.weight"), std::sqrt(2.0f / (512 * 9)));
  EXPECT_FLOAT_EQ(deviation(*vgg, "classifier.weight"), std::sqrt(2.0f / 512));
}

class ModelForward : public ::testing::TestWithParam<ModelOptions> {};

TEST_P(ModelForward, GivesFiniteLogitsAndAsManyOutputsAsDescribed) {
  Environment environment;
  const std::unique_ptr<Model> model = make_model(GetParam());
  model->parameters.allocate(environment.backend(), false);
  model->parameters.initialise(environment.backend(), 1);
  constexpr std::int64_t kBatch = 2;
  const Tensor images = environment.normal({kBatch, model->input[0], model->input[1], model->input[2]}, 0);
  const std::vector<LayerInfo> layers = trace_layers(GetParam());
  for (const TapeOptions mode : {kTraining, kInference}) {
    Tape tape(environment.backend(), environment.pool(), DType::kFloat32, mode);
    const Tensor logits = model->network->forward(tape, images);
    ASSERT_EQ(logits.shape(), (Shape{kBatch, GetParam().classes}));
    for (const float value : environment.read(logits)) EXPECT_TRUE(std::isfinite(value));
    if (tape.records()) {
      EXPECT_EQ(tape.value_count(), static_cast<int>(layers.size()));
    }
  }
  EXPECT_EQ(layers.back().output, (Shape{GetParam().classes}));
}

INSTANTIATE_TEST_SUITE_P(Models, ModelForward,
                         ::testing::Values(named("cifar-resnet8"), with_group_norm("cifar-resnet8"), named("resnet20"),
                                           ModelOptions{
                                               .name = "cifar-resnet14", .norm = "group", .groups = 4, .classes = 100},
                                           named("vgg16")),
                         [](const auto& tested) {
                           std::string name = tested.param.name + "_" + tested.param.norm;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(Models, LayersDescribeOneImageInTheOrderOfComputation) {
  const std::vector<LayerInfo> layers = trace_layers(named("cifar-resnet8"));
  struct Row {
    std::string name, kind;
    Shape output;
  };
  const std::vector<Row> head{{"conv1", "conv 3x3/1", {32, 32, 16}},
                              {"bn1", "batch norm + relu", {32, 32, 16}},
                              {"layer1.0.conv1", "conv 3x3/1", {32, 32, 16}},
                              {"layer1.0.bn1", "batch norm + relu", {32, 32, 16}},
                              {"layer1.0.conv2", "conv 3x3/1", {32, 32, 16}},
                              {"layer1.0.bn2", "batch norm + add + relu", {32, 32, 16}},
                              {"layer2.0.conv1", "conv 3x3/2", {16, 16, 32}},
                              {"layer2.0.bn1", "batch norm + relu", {16, 16, 32}},
                              {"layer2.0.conv2", "conv 3x3/1", {16, 16, 32}},
                              {"layer2.0.shortcut", "shortcut /2", {16, 16, 32}},
                              {"layer2.0.bn2", "batch norm + add + relu", {16, 16, 32}}};
  ASSERT_EQ(layers.size(), 2 + 4 + 5 + 5 + 2u);
  for (std::size_t i = 0; i < head.size(); ++i) {
    EXPECT_EQ(layers[i].name, head[i].name);
    EXPECT_EQ(layers[i].kind, head[i].kind);
    EXPECT_EQ(layers[i].output, head[i].output) << layers[i].name;
  }
  EXPECT_EQ(layers[0].parameters, 432);
  EXPECT_EQ(layers[0].multiply_adds, 32 * 32 * 432);
  EXPECT_EQ(layers.back().parameters, 650);
}

// What a profiler shows: one span a layer, the loss included, and the same ones backward.
TEST(Models, EveryLayerRunsInItsSpanForwardAndBackward) {
  struct Recorder final : NullBackend {
    using NullBackend::NullBackend;
    void begin_span(std::string_view name) override { names.emplace_back(name); }
    std::vector<std::string> names;
  };
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  Recorder recorder(*stream);
  const std::unique_ptr<Model> model = make_model(with_group_norm("cifar-resnet8"));
  model->parameters.allocate(recorder);
  std::vector<std::string> expected;
  for (const LayerInfo& layer : trace_layers(model->options)) expected.push_back(layer.name);
  expected.emplace_back("loss");

  MemoryPool pool(Device{});
  Tape tape(recorder, pool, DType::kFloat32, kTraining);
  const Tensor labels = tape.scratch({2}, DType::kInt32);
  const Tensor images = tape.scratch({2, 32, 32, 3}, DType::kFloat32);
  softmax_cross_entropy(tape, model->network->forward(tape, images), labels.view());
  EXPECT_EQ(recorder.names, expected);
  recorder.names.clear();
  tape.backward();
  EXPECT_EQ(recorder.names, std::vector<std::string>(expected.rbegin(), expected.rend()));
}

TEST(Models, ALittleTrainingLowersTheLoss) {
  Environment environment;
  const std::unique_ptr<Model> model = make_model(named("cifar-resnet8"));
  model->parameters.allocate(environment.backend());
  model->parameters.initialise(environment.backend(), 1);
  const Tensor images = environment.normal({8, 32, 32, 3}, 0);
  const Tensor labels = environment.cyclic_labels(8, 10);
  const testing::LearningRate lr(environment.backend(), 0.05f);
  std::vector<float> losses;
  for (int step = 0; step < 10; ++step) {
    Tape tape(environment.backend(), environment.pool(), DType::kFloat32, kTraining);
    const Tensor result = softmax_cross_entropy(tape, model->network->forward(tape, images), labels.view());
    tape.backward();
    losses.push_back(environment.read(result)[0]);
    Sgd{.momentum = 0.9f}.update(environment.backend(), model->parameters, lr.view());
  }
  EXPECT_NEAR(losses.front(), std::log(10.0f), 0.3f);  // the linear layer starts near 0
  EXPECT_LT(losses.back(), 0.9f * losses.front());
}

TEST(Models, ListedNamesCanAllBeMade) {
  const std::set<std::string> of_imagenet{"resnet18", "resnet34", "resnet50", "resnet101", "resnet152"};
  for (const std::string& name : model_names()) {
    const std::unique_ptr<Model> model = make_model(named(name));
    EXPECT_EQ(model->options.name, name);
    EXPECT_EQ(model->input, of_imagenet.contains(name) ? (Shape{224, 224, 3}) : (Shape{32, 32, 3})) << name;
    const std::vector<LayerInfo> layers = trace_layers(named(name));
    std::set<std::string> row_names;
    for (const LayerInfo& layer : layers) row_names.insert(layer.name);
    EXPECT_EQ(row_names.size(), layers.size()) << name;
  }
}

// The paper's depths have short names; other depths have the long one, where torchvision's names do not win.
TEST(Models, ACifarResNetOfAnyDepthHasALongName) {
  const auto size = [](const std::string& name) { return make_model(named(name))->parameters.parameter_count(); };
  EXPECT_EQ(size("cifar-resnet56"), size("resnet56"));
  EXPECT_EQ(size("cifar-resnet50"), (size("resnet44") + size("resnet56")) / 2);  // each block adds the same
  EXPECT_EQ(make_model(named("cifar-resnet50"))->input, (Shape{32, 32, 3}));
  EXPECT_EQ(make_model(named("cifar-resnet8"))->options.name, "cifar-resnet8");
}

TEST(Models, UnknownNamesAndOptionsAreConfigErrors) {
  const auto expect_refused = [](const ModelOptions& options, const std::vector<std::string_view>& pieces) {
    expect_error(ErrorKind::kConfig, pieces, [&] { make_model(options); });
  };
  expect_refused(named("resmet56"), {"'resmet56'", "Did you mean 'resnet56'?", "resnet20, resnet32"});
  expect_refused(named("alexnet"), {"'alexnet'", "vgg16"});
  expect_refused(named("resnet"), {"'resnet'"});
  expect_refused(named("resnet56x"), {"'resnet56x'"});
  expect_refused(named("resnet57"), {"resnet57", "6n+2", "'resnet56'"});
  expect_refused(named("cifar-resnet57"), {"cifar-resnet57", "6n+2", "'cifar-resnet56'"});
  expect_refused(named("cifar-resnet2"), {"6n+2", "'cifar-resnet8'"});
  expect_refused(named("cifar-resnet9000"), {"8 to 6002", "'cifar-resnet6002'"});
  for (const char* name : {"cifar-resnet", "cifar-resnetx", "cifar-resnet056"}) {
    expect_refused(named(name), {fmt::format("'{}'", name), "cifar-resnetD"});
  }
  expect_refused({.name = "resnet20", .norm = "layer"}, {"'batch' or 'group'", "'layer'"});
  expect_refused({.name = "resnet20", .norm = "group", .groups = 3}, {"divide 16", "3"});
  expect_refused({.name = "resnet20", .norm = "group", .groups = 0}, {"divide 16", "0"});
  expect_refused({.name = "vgg16", .norm = "group"}, {"vgg16", "no normalisation", "'group'"});
  expect_refused({.name = "vgg16", .groups = 4}, {"vgg16", "no normalisation", "4 groups"});
  expect_refused({.name = "resnet20", .classes = 1}, {"2 classes", "1"});
}

}  // namespace
}  // namespace drift
