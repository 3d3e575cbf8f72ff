// ResNet-18 and -50 against torchvision in double precision: logits and every gradient, with the batch's statistics and
// with the running ones, at 224x224 and at an odd size, whose images halve to 49, 25, 13, 7 and 4. The weights come
// from a state dict as torchvision writes it.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/ops/ops.h"
#include "tests/golden/deviation.h"
#include "tests/golden/recipe.h"
#include "tests/golden/safetensors.h"
#include "tests/support/temp_directory.h"
#include "train/checkpoint/safetensors.h"
#include "train/checkpoint/weight_file.h"

namespace drift::testing {
namespace {

using nlohmann::json;
using reference::Array;

constexpr int kProjections = 4, kSamples = 16;  // of a row of numbers; its norm stands in front

const GoldenFile& golden_file() {
  static const GoldenFile kFile = read_golden("imagenet.safetensors");
  return kFile;
}
const json& options() {
  static const json kOptions = json::parse(golden_file().metadata.at("options"));
  return kOptions;
}

// A state dict of torchvision's, its values by the recipe; written once.
std::filesystem::path state_dict_of(const std::string& network) {
  static const TempDirectory kDirectory;
  const std::filesystem::path path = kDirectory / (network + ".safetensors");
  if (std::filesystem::exists(path)) return path;
  const json state_dict = json::parse(golden_file().metadata.at("state_dicts")).at(network);
  std::vector<std::vector<float>> values;
  std::vector<NamedTensor> tensors;
  for (const json& entry : state_dict) {
    const auto shape = entry[1].get<std::vector<std::int64_t>>();
    values.push_back(shape.empty() ? std::vector<float>{0} : recipe_values(entry[0].get<std::string>(), shape));
    tensors.push_back({entry[0], shape, values.back()});
  }
  OutputFile file(path);
  write_safetensors(file, tensors);
  file.finish();
  return path;
}

struct Way {
  std::string name;  // "resnet50_v1_97"
  ConvolutionChoice convolutions;
};

class ImageNetGolden : public ::testing::TestWithParam<Way> {
 protected:
  ImageNetGolden() {
    model_->parameters.allocate(*backend_);
    read_weights(state_dict_of(case_.at("model")), *model_, *backend_);
  }

  const json& case_ = options().at("cases").at(GetParam().name);
  std::unique_ptr<Stream> stream_ = make_stream(Device{}, 2);
  std::unique_ptr<Backend> backend_ = make_backend(*stream_, {.convolutions = GetParam().convolutions});
  MemoryPool pool_{Device{}};
  std::unique_ptr<Model> model_ = make_model(
      {.name = case_.at("model"), .classes = options().at("classes").get<std::int64_t>(), .resnet_v1 = case_.at("v1")});

  Tensor images() {
    const auto count = std::ssize(options().at("labels"));
    const std::int64_t size = case_.at("size"), channels = 3;
    const std::vector<float> planes =
        recipe_values(case_.at("images").get<std::string>(), std::vector<std::int64_t>{count, channels, size, size});
    std::vector<float> pixels(planes.size());
    for (std::int64_t i = 0; i < std::ssize(planes); ++i) {
      const std::int64_t pixel = i % (size * size), channel = i / (size * size) % channels;
      const std::int64_t image = i / (size * size * channels);
      pixels[static_cast<std::size_t>((image * size * size + pixel) * channels + channel)] =
          planes[static_cast<std::size_t>(i)];
    }
    const Tensor tensor = pool_.allocate({count, size, size, channels}, DType::kFloat32);
    backend_->upload(pixels.data(), tensor.view());
    return tensor;
  }

  Tensor labels() {
    const auto values = options().at("labels").get<std::vector<std::int32_t>>();
    const Tensor tensor = pool_.allocate({std::ssize(values)}, DType::kInt32);
    backend_->upload(values.data(), tensor.view());
    return tensor;
  }

  std::vector<double> read(const TensorView& view) {
    std::vector<float> values(static_cast<std::size_t>(view.elements()));
    backend_->download(view, values.data());
    return {values.begin(), values.end()};
  }

  const Array& golden(std::string_view mode, std::string_view name) const {
    return golden_file().at(fmt::format("{}/{}/{}", GetParam().name, mode, name));
  }

  void check_logits(const Tensor& logits, std::string_view mode) {
    const Array& want = golden(mode, "logits");
    const std::vector<double> got = read(logits.view());
    ASSERT_EQ(std::ssize(got), want.elements());
    // Here and below: an entry may take more than its share of the error, four times the root mean square.
    const double tolerance = 4 * allowed(golden(mode, "logits_deviation")[0]) * root_mean_square(want.values);
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want.values[i], tolerance) << "logit " << i;
  }

  // Parameter `k`'s gradient against its row of numbers.
  void check_gradient(std::int64_t k, std::string_view mode) {
    const Parameter& parameter = *model_->parameters.parameters()[static_cast<std::size_t>(k)];
    SCOPED_TRACE(parameter.name());
    const std::vector<double> gradient = read(parameter.gradient());
    const Array& rows = golden(mode, "gradients");
    const auto row = [&](int column) { return rows.at(k, column); };
    const double off = kFactor * golden(mode, "gradient_deviations")[k] + kLayers * kUnit * row(0);
    EXPECT_NEAR(norm(gradient), row(0), off);
    const Rng signs = stream_of("signs/" + parameter.name());
    double products[kProjections] = {};
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const std::uint32_t bits = signs.bits(i);
      for (int j = 0; j < kProjections; ++j) products[j] += (bits >> j & 1) != 0 ? -gradient[i] : gradient[i];
    }
    for (int j = 0; j < kProjections; ++j) EXPECT_NEAR(products[j], row(1 + j), 4 * off) << "projection " << j;
    const std::size_t count = std::min<std::size_t>(kSamples, gradient.size());
    const double entry_off = 4 * off / std::sqrt(static_cast<double>(gradient.size()));
    for (std::size_t j = 0; j < count; ++j) {
      const double want = row(1 + kProjections + static_cast<int>(j));
      EXPECT_NEAR(gradient[j * gradient.size() / count], want, entry_off) << "sample " << j;
    }
  }

  void check_pass(TapeOptions options, std::string_view mode) {
    Tape tape(*backend_, pool_, DType::kFloat32, options);
    const Tensor logits = model_->network->forward(tape, images());
    check_logits(logits, mode);
    softmax_cross_entropy(tape, logits, labels().view());
    tape.backward();
    const std::int64_t count = std::ssize(model_->parameters.parameters());
    ASSERT_EQ(golden(mode, "gradient_deviations").elements(), count);
    for (std::int64_t k = 0; k < count; ++k) check_gradient(k, mode);
  }
};

TEST_P(ImageNetGolden, LogitsAndEveryGradientWithRunningStatistics) {
  check_pass(kFrozenTraining, "evaluation");
}

TEST_P(ImageNetGolden, LogitsAndEveryGradientWithTheBatchsStatistics) {
  check_pass(kTraining, "training");
}

TEST_P(ImageNetGolden, LogitsOfAnEvaluation) {
  Tape tape(*backend_, pool_, DType::kFloat32, kInference);
  check_logits(model_->network->forward(tape, images()), "evaluation");
}

// By both forms at the odd size; at 224 by the one a run would take.
std::vector<Way> ways() {
  std::vector<Way> all;
  for (const auto& [name, golden_case] : options().at("cases").items()) {
    all.push_back({name, ConvolutionChoice::kAuto});
    if (golden_case.at("size") != 224) all.push_back({name, ConvolutionChoice::kDirect});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Cpu, ImageNetGolden, ::testing::ValuesIn(ways()), [](const auto& test) {
  return test.param.name + (test.param.convolutions == ConvolutionChoice::kDirect ? "_direct" : "");
});

}  // namespace
}  // namespace drift::testing
