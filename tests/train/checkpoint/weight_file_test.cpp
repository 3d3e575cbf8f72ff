#include "train/checkpoint/weight_file.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <sstream>
#include <string>

#include "tests/support/checkpoint_error.h"
#include "tests/support/error_of.h"
#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"
#include "tests/train/tiny_model.h"
#include "train/checkpoint/safetensors.h"

namespace drift {
namespace {

using testing::expect_checkpoint_error;
using testing::expect_output_error;
using testing::TempDirectory;
using testing::TinyModel;

// The file at `path` with each name changed by `rename` and the tensors of `more` added.
template <class Rename>
void rewrite(const std::filesystem::path& path, const Rename& rename, std::vector<NamedTensor> more = {}) {
  const TensorFile file = read_safetensors(path);
  std::vector<std::vector<float>> values;
  for (const TensorEntry& entry : file.entries()) {
    values.push_back(file.floats(entry));
    more.push_back({rename(entry.name), entry.shape, values.back()});
  }
  OutputFile output(path);
  write_safetensors(output, more);
}

TEST(Weights, ConvolutionsAreWrittenInPyTorchsLayout) {
  const TempDirectory directory;
  TinyModel model;
  model.fill(1);
  write_weights(directory / "w", model.model, *model.backend);

  const TensorFile file = read_safetensors(directory / "w");
  const auto conv = *std::ranges::find(file.entries(), "conv.weight", &TensorEntry::name);
  EXPECT_EQ(conv.shape, (std::vector<std::int64_t>{3, 2, 3, 3}));
  const std::vector<float> values = file.floats(conv);
  const float* arena = model.set.find_parameter("conv.weight")->value().as<float>();
  for (int o = 0; o < 3; ++o) {
    for (int i = 0; i < 2; ++i) {
      for (int y = 0; y < 3; ++y) {
        for (int x = 0; x < 3; ++x) {
          EXPECT_EQ(values[static_cast<std::size_t>(((o * 2 + i) * 3 + y) * 3 + x)],
                    arena[((o * 3 + y) * 3 + x) * 2 + i]);
        }
      }
    }
  }
  const auto linear = *std::ranges::find(file.entries(), "fc.weight", &TensorEntry::name);
  EXPECT_EQ(linear.shape, (std::vector<std::int64_t>{2, 3}));
  const float* rows = model.set.find_parameter("fc.weight")->value().as<float>();
  EXPECT_EQ(file.floats(linear), std::vector<float>(rows, rows + 6));
}

TEST(Weights, RoundTripWithPrefixesOfWrappersAndCounters) {
  const TempDirectory directory;
  TinyModel written;
  written.fill(1);
  const std::vector<float> count{27900};
  for (const std::string prefix : {"module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.module."}) {
    write_weights(directory / "w", written.model, *written.backend);
    rewrite(directory / "w", [&](const std::string& name) { return prefix + name; },
            {{prefix + "bn.num_batches_tracked", {}, count}});
    TinyModel read;
    read_weights(directory / "w", read.model, *read.backend);
    EXPECT_EQ(read.contents(), written.contents()) << prefix;
  }
}

TEST(Weights, EverythingThatDoesNotFitIsListedAndTheModelIsAsBefore) {
  const TempDirectory directory;
  TinyModel wide(4), model;
  wide.fill(1);
  model.fill(100);
  const std::vector<float> before = model.contents();
  write_weights(directory / "w", wide.model, *wide.backend);
  rewrite(directory / "w", [](const std::string& name) { return name == "fc.weight" ? "head.weight" : name; });
  expect_checkpoint_error([&] { read_weights(directory / "w", model.model, *model.backend); },
                          {"/w: does not fit the model", "missing fc.weight", "unknown head.weight",
                           "bn.bias [4] (the model's is [3])", "conv.weight [4,2,3,3] (the model's is [3,2,3,3])"});
  EXPECT_EQ(model.contents(), before);
}

TEST(Weights, ACheckpointOfPyTorchIsReadAsItIs) {
  for (const char* name : {"plain", "nested", "compiled", "brain", "strided"}) {
    SCOPED_TRACE(name);
    TinyModel model;
    read_weights(std::filesystem::path(DRIFT_TORCH_FILES) / (name + std::string(".pt")), model.model, *model.backend);
    const float* arena = model.set.find_parameter("conv.weight")->value().as<float>();
    for (int o = 0; o < 3; ++o) {
      for (int i = 0; i < 2; ++i) {
        for (int k = 0; k < 9; ++k) EXPECT_EQ(arena[(o * 9 + k) * 2 + i], static_cast<float>((o * 2 + i) * 9 + k) / 8);
      }
    }
    const float* rows = model.set.find_parameter("fc.weight")->value().as<float>();
    EXPECT_EQ(std::vector<float>(rows, rows + 6), (std::vector<float>{8.25f, 8.375f, 8.5f, 8.625f, 8.75f, 8.875f}));
  }
}

TEST(Weights, ALayerThatHasTwoNamesIsReadByEither) {
  const TempDirectory directory;
  TinyModel written, read;
  written.fill(1);
  write_weights(directory / "w", written.model, *written.backend);
  rewrite(directory / "w", [](const std::string& name) { return name == "fc.weight" ? "module.linear.weight" : name; });
  read_weights(directory / "w", read.model, *read.backend);
  EXPECT_EQ(read.contents(), written.contents());
  const std::vector<float> rows(6);
  rewrite(directory / "w", [](const std::string& name) { return name; }, {{"fc.weight", {2, 3}, rows}});
  expect_checkpoint_error([&] { read_weights(directory / "w", read.model, *read.backend); }, {"or by two names"});
}

TEST(Weights, AConvolutionInOurOwnLayoutIsRefused) {
  const TempDirectory directory;
  TinyModel model;
  const std::vector<float> values(54);
  {
    OutputFile file(directory / "w");
    write_safetensors(file, std::vector<NamedTensor>{{"conv.weight", {3, 3, 3, 2}, values}});
  }
  expect_checkpoint_error([&] { read_weights(directory / "w", model.model, *model.backend); },
                          {"wrong shape conv.weight [3,3,3,2] (the model's is [3,2,3,3])"});
}

TEST(Weights, ATensorGivenTwiceIsAnError) {
  const TempDirectory directory;
  TinyModel model;
  write_weights(directory / "w", model.model, *model.backend);
  const std::vector<float> bias(3);
  rewrite(directory / "w", [](const std::string& name) { return name; }, {{"module.bn.bias", {3}, bias}});
  expect_checkpoint_error([&] { read_weights(directory / "w", model.model, *model.backend); },
                          {"with and without 'module.', or by two names bn.bias"});
}

// A network of ours, whose parameters are all 0.
struct Network {
  std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  std::unique_ptr<Backend> backend = make_backend(*stream);
  std::unique_ptr<Model> model;

  explicit Network(const ModelOptions& options) : model(make_model(options)) {
    model->parameters.allocate(*backend, /*with_training_state=*/false);
  }
  void write(const std::filesystem::path& path) { write_weights(path, *model, *backend); }
  void read(const std::filesystem::path& path) { read_weights(path, *model, *backend); }
};

// As another program writes them: without our metadata.
void make_foreign(const std::filesystem::path& path) {
  rewrite(path, [](const std::string& name) { return name; });
}

TEST(Weights, ThoseOfAnotherNetworkSayWhichAndHowToAskForIt) {
  const TempDirectory directory;
  const std::filesystem::path file = directory / "w";
  const struct {
    ModelOptions written, asked;
    std::string by_us, foreign;  // the end of the message
  } cases[] = {
      {{.name = "resnet20", .classes = 100},
       {.name = "resnet20"},
       "\nIt holds resnet20 with batch norm and 100 classes: give --classes 100",
       "\nIt holds resnet20 with batch norm and 100 classes: give --classes 100"},
      {{.name = "resnet20", .norm = "group", .groups = 4},
       {.name = "resnet20"},
       "\nIt holds resnet20 with group norm, for there are no running statistics, and 10 classes: give --norm group "
       "--groups 4",
       "\nIt holds resnet20 with group norm, for there are no running statistics, and 10 classes: give --norm group"},
      {{.name = "resnet32"},
       {.name = "resnet20", .norm = "group", .classes = 7},
       "\nIt holds resnet32 with batch norm and 10 classes: give --model resnet32 --norm batch --classes 10",
       "\nIt holds resnet32 with batch norm and 10 classes: give --model resnet32 --norm batch --classes 10"},
      {{.name = "cifar-resnet8"},
       {.name = "vgg16"},
       "\nIt holds cifar-resnet8 with batch norm and 10 classes: give --model cifar-resnet8",
       "\nIt holds cifar-resnet8 with batch norm and 10 classes: give --model cifar-resnet8"},
      {{.name = "resnet34", .classes = 3},
       {.name = "resnet18", .classes = 3},
       "\nIt holds resnet34 with batch norm and 3 classes: give --model resnet34",
       "\nIt holds resnet34 with batch norm and 3 classes: give --model resnet34"},
      {{.name = "vgg16", .classes = 3},
       {.name = "resnet50", .classes = 3},
       "\nIt holds vgg16 with 3 classes: give --model vgg16",
       "\nIt holds vgg16 with 3 classes: give --model vgg16"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.written.name + " for " + test.asked.name);
    Network asked(test.asked);
    Network(test.written).write(file);
    const auto message = [&] { return testing::error_of([&] { asked.read(file); }).message(); };
    EXPECT_TRUE(message().ends_with(test.by_us)) << message();
    make_foreign(file);
    EXPECT_TRUE(message().ends_with(test.foreign)) << message();
  }
}

TEST(Weights, GroupsThatNoShapeTellsAreCheckedWhereTheFileNamesThem) {
  const TempDirectory directory;
  const std::filesystem::path file = directory / "w";
  Network written({.name = "cifar-resnet8", .norm = "group", .groups = 4});
  Network asked({.name = "cifar-resnet8", .norm = "group", .groups = 8});
  written.write(file);
  EXPECT_NO_THROW(written.read(file));
  expect_checkpoint_error([&] { asked.read(file); },
                          {"/w: was trained with 4 groups, the model has 8: give --groups 4"});
  make_foreign(file);
  EXPECT_NO_THROW(asked.read(file));
}

TEST(Weights, WhereTheStridesLieIsCheckedWhereTheFileTells) {
  const TempDirectory directory;
  const std::filesystem::path file = directory / "w";
  Network v1({.name = "resnet50", .classes = 2, .resnet_v1 = true}), today({.name = "resnet50", .classes = 2});
  v1.write(file);
  EXPECT_NO_THROW(v1.read(file));
  expect_checkpoint_error([&] { today.read(file); },
                          {"/w: was trained with the stride in the first 1x1 convolution", "give --resnet-v1"});
  const std::string message =
      testing::error_of([&] { Network({.name = "resnet18", .classes = 2}).read(file); }).message();
  EXPECT_TRUE(message.ends_with("with batch norm and 2 classes: give --model resnet50 --resnet-v1")) << message;
  today.write(file);
  expect_checkpoint_error([&] { v1.read(file); }, {"the 3x3 convolution", "give --no-resnet-v1"});
  make_foreign(file);
  EXPECT_NO_THROW(v1.read(file));
}

TEST(Weights, AllThatIsMissingIsListedInLinesThatFit) {
  const TempDirectory directory;
  Network({.name = "resnet20"}).write(directory / "w");
  make_foreign(directory / "w");
  Network asked({.name = "resnet56"});
  const std::string message = testing::error_of([&] { asked.read(directory / "w"); }).message();
  for (int stage = 1; stage <= 3; ++stage) {
    for (int block = 3; block < 9; ++block) {
      for (const char* tensor : {"bn1.bias", "bn2.running_var", "conv1.weight", "conv2.weight"}) {
        const std::string name = fmt::format(" layer{}.{}.{}", stage, block, tensor);
        EXPECT_NE(message.find(name), std::string::npos) << name;
      }
    }
  }
  std::istringstream lines(message);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 120u) << line;
  EXPECT_TRUE(message.ends_with("\nIt holds resnet20 with batch norm and 10 classes: give --model resnet20"))
      << message;
}

TEST(Weights, ThoseOfAnotherNetworkAreToldByEitherNameOfALayer) {
  const TempDirectory directory;
  Network({.name = "resnet20", .classes = 100}).write(directory / "w");
  rewrite(directory / "w",
          [](const std::string& name) { return name.starts_with("linear.") ? "fc." + name.substr(7) : name; });
  expect_checkpoint_error([&] { Network({.name = "resnet20"}).read(directory / "w"); },
                          {"wrong shape fc.bias [100] (the model's is [10]), fc.weight", "give --classes 100"});
}

TEST(Weights, NoFlagIsGivenWhereNoneWouldHelp) {
  const TempDirectory directory;
  const std::filesystem::path file = directory / "w";
  Network network({.name = "cifar-resnet8"});
  network.write(file);
  const std::vector<float> bias(16);
  rewrite(file, [](const std::string& name) { return name; }, {{"module.bn1.bias", {16}, bias}});
  const std::string message = testing::error_of([&] { network.read(file); }).message();
  EXPECT_TRUE(message.ends_with("with and without 'module.', or by two names bn1.bias")) << message;
}

TEST(Weights, AreThoseOfTheNetworkByWhateverName) {
  const TempDirectory directory;
  Network({.name = "resnet20"}).write(directory / "w");
  EXPECT_NO_THROW(Network({.name = "cifar-resnet20"}).read(directory / "w"));
}

TEST(Weights, AFailedWriteLeavesTheOldFile) {
  const TempDirectory directory;
  TinyModel model;
  write_weights(directory / "w", model.model, *model.backend);
  const std::string before = testing::file_text(directory / "w");
  model.fill(1);
  {
    const testing::FullDisk full(before.size() / 2);
    expect_output_error([&] { write_weights(directory / "w", model.model, *model.backend); }, {"w", "File too large"});
  }
  EXPECT_EQ(testing::file_text(directory / "w"), before);
}

}  // namespace
}  // namespace drift
