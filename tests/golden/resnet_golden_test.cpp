// A whole network against PyTorch in double precision: ResNet-8 with batch norm + ReLU and with group norm + SiLU, one
// forward and backward, then 20 steps of SGD. The tolerance is measured by PyTorch, not guessed: the file holds how far
// its float32 is from its float64 for one step, and how far noise of that size in the gradients drives the later ones.
// Another order of the same float32 operations may be off by a few times that, and so may Winograd's form.
#include <cmath>
#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/optim/sgd.h"
#include "models/registry.h"
#include "tests/golden/deviation.h"
#include "tests/golden/safetensors.h"
#include "tests/support/learning_rate.h"

namespace drift::testing {
namespace {

using reference::Array;

std::vector<float> to_floats(const Array& array) {
  return {array.values.begin(), array.values.end()};
}

struct Way {
  std::string norm;
  ConvolutionChoice convolutions;
};

class ResNetGolden : public ::testing::TestWithParam<Way> {
 protected:
  ResNetGolden() {
    model_->parameters.allocate(*backend_);
    for (const Parameter* parameter : model_->parameters.parameters()) {
      const Array& init = file_.at("init/" + parameter->name());
      EXPECT_EQ(init.shape, parameter->shape()) << parameter->name();
      backend_->upload(to_floats(init).data(), parameter->value());
    }
    for (const Buffer* buffer : model_->parameters.buffer_list()) backend_->fill(buffer->value(), buffer->initial());
  }

  const Array& golden(const std::string& name) const { return file_.at(GetParam().norm + "/" + name); }

  // Samples first .. first + count - 1 of `all`, as elements of type T.
  template <class T>
  Tensor to_device(const Array& all, std::int64_t first, std::int64_t count) {
    const Shape shape = all.shape.rank() == 1 ? Shape{count} : Shape{count, all.shape[1], all.shape[2], all.shape[3]};
    const std::int64_t per_sample = all.elements() / all.shape[0];
    std::vector<T> part;
    for (std::int64_t i = first * per_sample; i < (first + count) * per_sample; ++i) {
      part.push_back(static_cast<T>(all[i]));
    }
    const Tensor tensor = pool_.allocate(shape, dtype_of<T>());
    backend_->upload(part.data(), tensor.view());
    return tensor;
  }

  std::vector<double> read(const TensorView& view) {
    std::vector<float> values(static_cast<std::size_t>(view.elements()));
    backend_->download(view, values.data());
    return {values.begin(), values.end()};
  }

  struct Step {
    double loss;
    std::vector<double> logits;
  };
  // Forward and backward on batch `step` % 2; the gradients are in the arena afterwards.
  Step forward_backward(std::int64_t step) {
    const std::int64_t batch = options_.at("batch");
    const std::int64_t first = step % 2 * batch;
    const Tensor images = to_device<float>(file_.at("images"), first, batch);
    const Tensor labels = to_device<std::int32_t>(file_.at("labels"), first, batch);
    Tape tape(*backend_, pool_, DType::kFloat32, kTraining);
    const Tensor logits = model_->network->forward(tape, images);
    const Tensor result = softmax_cross_entropy(tape, logits, labels.view());
    tape.backward();
    return {read(result.view())[0], read(logits.view())};
  }

  void check_buffers() {
    const auto& buffers = model_->parameters.buffer_list();
    EXPECT_EQ(buffers.empty(), GetParam().norm == "group");
    for (std::size_t k = 0; k < buffers.size(); ++k) {
      const std::string& name = buffers[k]->name();
      const std::vector<double> got = read(buffers[k]->value());
      const Array& want = golden("buffer/" + name);
      const double deviation = golden("buffer_deviations")[static_cast<std::int64_t>(k)];
      const double tolerance = 4 * allowed(deviation) * buffer_scale(name);
      for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want.values[i], tolerance) << name;
    }
  }

  // What the entries of a buffer are measured by. A mean may be anywhere near 0; its rounding errors are those of
  // numbers one standard deviation in size.
  double buffer_scale(const std::string& name) const {
    const std::string mean = "running_mean";
    const std::size_t at = name.rfind(mean);
    if (at == std::string::npos) return root_mean_square(golden("buffer/" + name).values);
    const std::string var = name.substr(0, at) + "running_var";
    return std::sqrt(root_mean_square(golden("buffer/" + var).values));
  }

  static std::string file_name() {
    const char* const other = std::getenv("DRIFT_GOLDEN_RESNET");
    return other != nullptr ? other : "resnet8.safetensors";
  }
  // ResNet-8, or one that is as deep as the file's.
  std::string model_name() const {
    int blocks = 0;
    while (file_.tensors.contains(fmt::format("init/layer1.{}.conv1.weight", blocks))) ++blocks;
    return fmt::format("cifar-resnet{}", 6 * blocks + 2);
  }

  GoldenFile file_ = read_golden(file_name());
  nlohmann::json options_ = nlohmann::json::parse(file_.metadata.at("options"));
  std::unique_ptr<Stream> stream_ = make_stream(Device{}, 2);
  std::unique_ptr<Backend> backend_ = make_backend(*stream_, {.convolutions = GetParam().convolutions});
  MemoryPool pool_{Device{}};
  std::unique_ptr<Model> model_ =
      make_model({.name = model_name(), .norm = GetParam().norm, .groups = options_.at("groups").get<std::int64_t>()});
};

TEST_P(ResNetGolden, LogitsAndGradientsOfOneStep) {
  const Step step = forward_backward(0);
  const Array& logits = golden("logits");
  // Here and below: an entry may take more than its share of the error, four times the root mean square.
  const double logits_tolerance = 4 * allowed(golden("logits_deviation")[0]) * root_mean_square(logits.values);
  for (std::int64_t i = 0; i < logits.elements(); ++i) {
    EXPECT_NEAR(step.logits[static_cast<std::size_t>(i)], logits[i], logits_tolerance);
  }
  const auto& parameters = model_->parameters.parameters();
  ASSERT_EQ(static_cast<std::int64_t>(parameters.size()), golden("gradient_norms").elements());
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    SCOPED_TRACE(parameters[k]->name());
    const std::vector<double> gradient = read(parameters[k]->gradient());
    const double gradient_norm = golden("gradient_norms")[static_cast<std::int64_t>(k)];
    const double tolerance = allowed(golden("gradient_deviations")[static_cast<std::int64_t>(k)]);
    EXPECT_NEAR(norm(gradient), gradient_norm, tolerance * gradient_norm);
    const double entry_scale = 4 * gradient_norm / std::sqrt(static_cast<double>(gradient.size()));
    const Array& samples = golden("gradient/" + parameters[k]->name());
    const std::size_t count = samples.values.size();
    for (std::size_t j = 0; j < count; ++j) {
      EXPECT_NEAR(gradient[j * gradient.size() / count], samples.values[j], tolerance * entry_scale) << "sample " << j;
    }
  }
}

TEST_P(ResNetGolden, LossesOfTwentySteps) {
  const Sgd sgd{.momentum = options_.at("momentum"), .weight_decay = options_.at("weight_decay")};
  const LearningRate lr(*backend_, options_.at("lr"));
  const Array& losses = golden("losses");
  const Array& deviations = golden("loss_deviations");
  double largest_deviation = 0;  // errors grow along the path, even where two of them happen to meet
  double largest_error = 0;
  for (std::int64_t step = 0; step < options_.at("steps").get<std::int64_t>(); ++step) {
    const double loss = forward_backward(step).loss;
    largest_deviation = std::max(largest_deviation, deviations[step]);
    EXPECT_NEAR(loss, losses[step], allowed(largest_deviation)) << "step " << step;
    largest_error = std::max(largest_error, std::abs(loss - losses[step]));
    sgd.update(*backend_, model_->parameters, lr.view());
  }
  std::cout << fmt::format("losses off by at most {:.1e}, allowed {:.1e}\n", largest_error, allowed(largest_deviation));
  check_buffers();
}

std::vector<Way> ways() {
  std::vector<Way> all = {{"batch", ConvolutionChoice::kDirect}, {"group", ConvolutionChoice::kDirect}};
  if (cpu_features().avx512) {
    all.insert(all.end(), {{"batch", ConvolutionChoice::kWinograd}, {"group", ConvolutionChoice::kWinograd}});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Cpu, ResNetGolden, ::testing::ValuesIn(ways()), [](const auto& test) {
  return test.param.norm + (test.param.convolutions == ConvolutionChoice::kDirect ? "_direct" : "_winograd");
});

}  // namespace
}  // namespace drift::testing
