// drift data: get a data set, and look at it before training on it.
#include <fmt/format.h>
#include <utility>
#include <vector>

#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/data_fetch.h"
#include "apps/data_pack.h"
#include "apps/output.h"
#include "core/check.h"
#include "core/json_lines.h"
#include "core/text.h"
#include "data/normalisation.h"
#include "data/open_data.h"
#include "data/preview.h"
#include "kernels/device.h"
#include "train/config/resolve.h"
#include "train/step/worker.h"

namespace drift {
namespace {

TrainConfig config_of(const CommandLine& command) {
  return resolve_config(std::vector{command.settings()}, Scope::kData).config;
}

int preview(int argc, char** argv) {
  CommandLine command(Scope::kData, "drift data preview",
                      "Writes a contact sheet: one row of training images for each class.",
                      {"drift data preview --out shapes.png", "drift data preview --data cifar10:DIR --augmented"});
  std::string out = "preview.png";
  PreviewOptions options;
  bool test = false;
  command.add_value("--out", "FILE.png", &out, "the picture [preview.png]");
  std::int64_t columns = options.columns;
  command.add_value("--columns", "N", CommandLine::Integer{&columns, {.min = 1, .max = 1000}}, "images per class [12]");
  command.add_switch("--augmented", options.augmented, "one image per class, as augmentation makes it in each epoch");
  command.add_switch("--test", test, "images of the test split");
  if (!command.parse(argc, argv)) return 0;

  options.columns = static_cast<int>(columns);
  const TrainConfig config = config_of(command);
  options.seed = config.seed;
  options.augmentation = config.data.augmentation;
  const DataSource data = open_data(config.data.spec, config.seed, config.data.images);
  write_preview(test ? *data.test : *data.train, out, options);
  print("{}\n", out);
  return 0;
}

Json split_json(const Dataset& split) {
  std::vector<std::int64_t> per_class(static_cast<std::size_t>(split.classes()));
  for (std::int64_t i = 0; i < split.size(); ++i) ++per_class[static_cast<std::size_t>(split.label(i))];
  return {{"size", split.size()}, {"per_class", per_class}};
}

// By the names that --normalisation takes. Pixels without any spread, by which nothing can be normalised, are shown
// too.
std::vector<std::pair<std::string, Normalisation>> normalisations_of(const DataSource& data, LoaderPool& loading) {
  return {{"paper", data.normalisation},
          {"pixels", statistics_of_pixels(*data.train, loading)},
          {"imagenet", kImagenetNormalisation},
          {"cifar10", kCifar10Normalisation},
          {"cifar100", kCifar100Normalisation}};
}

Json normalisations_json(std::span<const std::pair<std::string, Normalisation>> normalisations) {
  Json result;
  for (const auto& [name, by] : normalisations) result[name] = {{"mean", by.mean}, {"std", by.std}};
  return result;
}

int info(int argc, char** argv) {
  CommandLine command(Scope::kData, "drift data info",
                      "Sizes, classes and pixel statistics of a data set; reads all of the training set.",
                      {"drift data info --data cifar10:DIR", "drift data info --json"});
  bool json = false;
  command.add_switch("--json", json, "print JSON");
  if (!command.parse(argc, argv)) return 0;

  const TrainConfig config = config_of(command);
  const DataSource data = open_data(config.data.spec, config.seed, config.data.images);
  LoaderPool loading(loader_threads(config.machine, *data.train, cpu_features().cores));
  const auto normalisations = normalisations_of(data, loading);
  const std::span<const std::string> names = data.train->class_names();
  const Json train = split_json(*data.train), test = split_json(*data.test);
  if (json) {
    const Json result = {{"name", data.name},
                         {"image", to_string(data.train->image_shape())},
                         {"classes", std::vector<std::string>(names.begin(), names.end())},
                         {"train", train},
                         {"test", test},
                         {"normalisation", normalisations_json(normalisations)}};
    print("{}\n", result.dump(2));
    return 0;
  }
  print("{}: {} training and {} test images {}, {} classes\n", data.name, data.train->size(), data.test->size(),
        to_string(data.train->image_shape()), names.size());
  for (const auto& [name, by] : normalisations) {
    const auto& [mean, std] = by;
    print("{:<8}  mean {:.4f} {:.4f} {:.4f}  std {:.4f} {:.4f} {:.4f}\n", name, mean[0], mean[1], mean[2], std[0],
          std[1], std[2]);
  }
  for (std::size_t c = 0; c < names.size(); ++c) {
    print("{:>4}  {:<20} {:>7} {:>7}\n", c, names[c], train.at("per_class")[c].get<std::int64_t>(),
          test.at("per_class")[c].get<std::int64_t>());
  }
  return 0;
}

}  // namespace

int run_data(int argc, char** argv) {
  const std::string action = argc > 1 ? argv[1] : "--help";
  if (action == "fetch") return run_data_fetch(argc - 1, argv + 1);
  if (action == "preview") return preview(argc - 1, argv + 1);
  if (action == "info") return info(argc - 1, argv + 1);
  if (action == "pack") return run_data_pack(argc - 1, argv + 1);
  if (action == "verify") return run_data_verify(argc - 1, argv + 1);
  if (action == "--help" || action == "-h") {
    print(
        "Get a data set, look at it before training on it, and pack one.\n\nUsage: drift data ACTION [flags]\n\n"
        "Actions:\n"
        "  fetch      download CIFAR-10 or CIFAR-100\n"
        "  preview    write a contact sheet (PNG)\n"
        "  info       print sizes, classes and what --normalisation means\n"
        "  pack       make two files of an image folder\n"
        "  verify     look whether all of a packed set is there\n\n"
        "`drift data ACTION --help` lists the flags.\n");
    return 0;
  }
  const std::vector<std::string> actions = {"fetch", "preview", "info", "pack", "verify"};
  DRIFT_FAIL(kUsage, "unknown action 'data {}'.{} Actions: {}", action, did_you_mean(action, actions), joined(actions));
}

}  // namespace drift
