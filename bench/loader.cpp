// bench_loader: images per CPU-second that a training run gets from an image folder, by each JPEG library, and from the
// packed sets made of it, beside what decoding alone would give. Process CPU time, because machines are shared; each
// sample is an epoch, and all sources have the same draws. The result is checked before anything is timed; a failed
// check exits 9. The same work by others: bench/peers/compare_loader.py.
#include "data/loader.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cmath>
#include <fmt/core.h>
#include <numeric>
#include <set>

#include "bench/common/image_stages.h"
#include "bench/common/measure.h"
#include "bench/common/program.h"
#include "data/image_dataset.h"
#include "data/open_data.h"
#include "data/pack.h"
#include "kernels/device.h"
#include "tests/support/drawn_images.h"
#include "tests/support/temp_directory.h"

namespace drift::bench {
namespace {

struct Options {
  std::string data, json;
  std::int64_t side = 224, batch = 32;
  std::vector<int> threads{1, 2};  // that work: the loader's, and whoever asks for batches
  int samples = 9;
};

// Where images come from, and who decodes them.
struct Case {
  Case(std::string name_, const std::string& spec, JpegLibrary library_, std::int64_t side)
      : name(std::move(name_)),
        library(library_),
        source(open_image_sources(spec).train),
        dataset(open_image_sources(spec).train, {.side = side, .short_side = std::max<std::int64_t>(side, 256)},
                BadImages::kFail, library) {}

  std::string name;
  JpegLibrary library;
  std::unique_ptr<const Source> source;  // for the stages alone
  ImageDataset dataset;
};

void pack_to(const std::filesystem::path& directory, const std::string& spec, std::optional<int> quality) {
  LoaderPool pool(0);
  const std::atomic<bool> never = false;
  std::filesystem::create_directory(directory);
  const ImageSources sources = open_image_sources(spec);
  for (const auto& [source, file] : {std::pair(sources.train.get(), kPackedTrain), {sources.val.get(), kPackedVal}}) {
    pack(
        *source, directory / file, {.jpeg_quality = quality}, BadImages::kFail, pool, [](std::int64_t) {}, never);
  }
}

std::vector<std::unique_ptr<Case>> make_cases(const Options& options, const std::filesystem::path& directory) {
  const bool turbo = best_jpeg_library() == JpegLibrary::kTurbo;
  const JpegLibrary best = best_jpeg_library();
  const auto packed = [&](const char* name, std::optional<int> quality) {
    pack_to(directory / name, options.data, quality);
    return "packed:" + (directory / name).string();
  };
  std::vector<std::unique_ptr<Case>> cases;
  const auto add = [&](const char* name, const std::string& spec, JpegLibrary library) {
    cases.push_back(std::make_unique<Case>(name, spec, library, options.side));
  };
  add("folder, stb_image", options.data, JpegLibrary::kStb);
  if (turbo) add("folder, libjpeg-turbo", options.data, best);
  add(turbo ? "packed jpeg:90, libjpeg-turbo" : "packed jpeg:90, stb_image", packed("jpeg", 90), best);
  add("packed raw", packed("raw", std::nullopt), best);
  return cases;
}

// The batches of an epoch, as Loader makes them, and none beyond it.
template <class Take>
void run_epoch(const Case& one, const Sampler& sampler, std::int64_t epoch, LoaderPool& pool, const Take& take) {
  const TrainingBatches batches(one.dataset, sampler, {.augmentation = Augmentation::kResizedCropFlip});
  const std::int64_t first = epoch * sampler.steps_per_epoch(), end = first + sampler.steps_per_epoch();
  BatchesAhead ahead(batches, pool, first, /*stride=*/1, end);
  for (std::int64_t step = first; step < end; ++step) take(ahead.next());
}

double mean_of(std::span<const std::uint8_t> pixels) {
  return std::accumulate(pixels.begin(), pixels.end(), 0.0) / static_cast<double>(pixels.size());
}

// Every batch of an epoch has images of its own, with their labels, and the bits that the stages make of them, by any
// number of threads. Returns the mean of each batch's pixels.
std::vector<double> check(const Options& options, const Case& one, const Sampler& sampler) {
  const auto image_bytes = static_cast<std::size_t>(one.dataset.image_shape().elements());
  std::vector<std::uint8_t> expected(static_cast<std::size_t>(sampler.steps_per_epoch() * options.batch) * image_bytes);
  run_stages(*one.source, one.library, sampler, /*epoch=*/0, options.side,
             [&](std::int64_t position, std::span<const std::uint8_t> image) {
               std::ranges::copy(image, expected.begin() + position * std::ssize(image));
             });
  std::vector<double> means;
  for (const int threads : options.threads) {
    LoaderPool pool(threads - 1);
    std::set<std::int64_t> seen;
    means.clear();
    std::span<const std::uint8_t> rest = expected;
    run_epoch(one, sampler, /*epoch=*/0, pool, [&](const Batch& batch) {
      for (std::size_t i = 0; i < batch.indices.size(); ++i) {
        DRIFT_CHECK(kTolerance, seen.insert(batch.indices[i]).second, "{}: image {} comes twice", one.name,
                    batch.indices[i]);
        DRIFT_CHECK(kTolerance, batch.labels[i] == one.source->label(batch.indices[i]), "{}: image {} has label {}",
                    one.name, batch.indices[i], batch.labels[i]);
      }
      DRIFT_CHECK(kTolerance, std::ranges::equal(batch.images, rest.first(batch.images.size())),
                  "{}: batch {} by {} threads has other bits than its stages", one.name, batch.step, threads);
      rest = rest.subspan(batch.images.size());
      means.push_back(mean_of(batch.images));
    });
    DRIFT_CHECK(kTolerance, std::ssize(seen) == sampler.steps_per_epoch() * options.batch,
                "{}: {} images in {} batches", one.name, seen.size(), means.size());
  }
  return means;
}

// The same crops of the same images: other decoders and sizes on the way change little of a batch's mean.
void check_all(const Options& options, const std::vector<std::unique_ptr<Case>>& cases, const Sampler& sampler) {
  constexpr double kMeansApart = 1;  // of 255
  std::vector<double> first;
  double most = 0;
  for (const auto& one : cases) {
    const std::vector<double> means = check(options, *one, sampler);
    if (first.empty()) first = means;
    for (std::size_t i = 0; i < means.size(); ++i) most = std::max(most, std::abs(means[i] - first[i]));
    DRIFT_CHECK(kTolerance, most <= kMeansApart, "{}: means of pixels are {:.2f} apart from those of {}, {} is allowed",
                one->name, most, cases.front()->name, kMeansApart);
  }
  fmt::print(
      "checked: {} images once each, the bits of all numbers of threads, means of batches {:.2f} of 255 apart\n\n",
      sampler.steps_per_epoch() * options.batch, most);
}

// Samples of one case; of the loader by number of threads.
struct Measured {
  std::vector<StageSeconds> stages;
  std::vector<std::vector<double>> cpu, wall;

  double median(const std::function<double(std::size_t)>& figure) const {
    Sample sample;
    for (std::size_t i = 0; i < stages.size(); ++i) sample.seconds.push_back(figure(i));
    sample.sort();
    return sample.median();
  }
};

void measure_epoch(const Options& options, const Case& one, const Sampler& sampler, std::int64_t epoch,
                   std::vector<std::unique_ptr<LoaderPool>>& pools, Measured& measured) {
  measured.cpu.resize(pools.size());
  measured.wall.resize(pools.size());
  measured.stages.push_back(run_stages(*one.source, one.library, sampler, epoch, options.side,
                                       [](std::int64_t, std::span<const std::uint8_t>) {}));
  for (std::size_t i = 0; i < pools.size(); ++i) {
    const double cpu = cpu_seconds(), wall = steady_clock().seconds();
    run_epoch(one, sampler, epoch, *pools[i], [](const Batch&) {});
    measured.cpu[i].push_back(cpu_seconds() - cpu);
    measured.wall[i].push_back(steady_clock().seconds() - wall);
  }
}

// Prints a row for each number of threads. Alone: the decoding of whole images; of pixels, which are not decoded,
// reading and resizing them.
nlohmann::json report(const Options& options, const Case& one, double images, const Measured& measured) {
  nlohmann::json rows = nlohmann::json::array();
  const auto per_image = [&](double StageSeconds::*stage) {
    return measured.median([&](std::size_t i) { return measured.stages[i].*stage; }) / images;
  };
  const bool pixels = one.name == "packed raw";
  const auto alone = [&](std::size_t i) {
    const StageSeconds& stages = measured.stages[i];
    return pixels ? stages.read + stages.resize : stages.decode_whole;
  };
  const double read = per_image(&StageSeconds::read), decode = per_image(&StageSeconds::decode);
  const double resize = per_image(&StageSeconds::resize), bytes = per_image(&StageSeconds::bytes);
  const double alone_rate = images / measured.median(alone);
  for (std::size_t t = 0; t < options.threads.size(); ++t) {
    const auto& [cpu, wall] = std::tie(measured.cpu[t], measured.wall[t]);
    const double rate = images / measured.median([&](std::size_t i) { return cpu[i]; });
    const double wall_rate = images / options.threads[t] / measured.median([&](std::size_t i) { return wall[i]; });
    const double share = measured.median([&](std::size_t i) { return alone(i) / cpu[i]; });
    fmt::print("| {} | {} | {:.0f} | {:.3f} | {:.3f} | {:.3f} | {:.3f} | {:.0f} | {:.0f} | {:.0f} | {:.0f} % |\n",
               one.name, options.threads[t], 1e-3 * bytes, 1e3 * read, 1e3 * decode, 1e3 * resize, 1e3 / rate,
               alone_rate, rate, wall_rate, 100 * share);
    rows.push_back({{"source", one.name},
                    {"threads", options.threads[t]},
                    {"bytes", bytes},
                    {"read_seconds", read},
                    {"decode_seconds", decode},
                    {"resize_seconds", resize},
                    {"alone_images_per_cpu_second", alone_rate},
                    {"images_per_cpu_second", rate},
                    {"images_per_second_per_core", wall_rate},
                    {"share", share}});
  }
  return rows;
}

void run(const Options& options, const std::filesystem::path& directory) {
  const std::vector<std::unique_ptr<Case>> cases = make_cases(options, directory);
  const Sampler sampler({.seed = 1, .dataset_size = cases.front()->dataset.size(), .local_batch = options.batch});
  const std::int64_t images = sampler.steps_per_epoch() * options.batch;
  fmt::print("{} | {} images of {}x{} an epoch, in batches of {}, {} epochs\n", cpu_features().model, images,
             options.side, options.side, options.batch, options.samples);
  check_all(options, cases, sampler);

  std::vector<std::unique_ptr<LoaderPool>> pools;
  for (const int threads : options.threads) pools.push_back(std::make_unique<LoaderPool>(threads - 1));
  std::vector<Measured> measured(cases.size());
  for (int sample = 0; sample < options.samples; ++sample) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      measure_epoch(options, *cases[i], sampler, 1 + sample, pools, measured[i]);
    }
  }
  fmt::print(
      "| source | threads | KB | read, ms | decode, ms | resize, ms | all, ms | decoding alone, images per CPU-second |"
      " all, images per CPU-second | images/s per core | all of alone |\n"
      "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
  nlohmann::json rows = nlohmann::json::array();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    for (const nlohmann::json& row : report(options, *cases[i], static_cast<double>(images), measured[i])) {
      rows.push_back(row);
    }
  }
  if (!options.json.empty()) write_json(options.json, {{"cpu", cpu_features().model}, {"rows", rows}});
}

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Times the loader on images that are decoded and compares it with decoding alone."};
  app.add_option("--data", options.data, "the images, imagefolder:DIR; without it some are drawn, for a try");
  app.add_option("--image-size", options.side, "side of the images of a batch")->capture_default_str();
  app.add_option("--batch", options.batch, "images of a batch")->capture_default_str();
  app.add_option("--threads", options.threads, "that work, whoever asks for batches among them")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--samples", options.samples, "epochs timed, of all sources in turn")->capture_default_str();
  app.add_option("--json", options.json, "also write the figures to this file");
  CLI11_PARSE(app, argc, argv);
  for (const int threads : options.threads) {
    DRIFT_CHECK(kUsage, threads >= 1, "--threads {}: whoever asks for batches is one already", threads);
  }
  DRIFT_CHECK(kUsage, options.samples >= 1, "--samples must be at least 1, got {}", options.samples);

  const testing::TempDirectory directory;
  if (options.data.empty()) {
    testing::draw_image_folder(directory / "drawn", /*train=*/16, /*val=*/2);
    options.data = "imagefolder:" + (directory / "drawn").string();
  }
  run(options, directory.path());
  return 0;
}

}  // namespace
}  // namespace drift::bench

int main(int argc, char** argv) {
  return drift::bench::run_program("bench_loader", [&] { return drift::bench::main(argc, argv); });
}
