// From an image folder to two packed files, and looking whether all of them is still there.
#include "apps/data_pack.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "apps/command_line.h"
#include "apps/output.h"
#include "apps/signals.h"
#include "core/atomic_file.h"
#include "core/check.h"
#include "core/log.h"
#include "core/stopwatch.h"
#include "core/text.h"
#include "data/open_data.h"
#include "data/pack.h"
#include "kernels/device.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

constexpr options::Range kSides{.min = 1, .max = 4096};
constexpr options::Range kThreads{.min = 0, .max = 1024};

// "raw", or "jpeg:Q".
std::optional<int> quality_of(const std::string& encoding) {
  if (encoding == "raw") return std::nullopt;
  const std::string_view prefix = "jpeg:";
  const std::optional<std::int64_t> quality =
      encoding.starts_with(prefix) ? parse_integer(std::string_view(encoding).substr(prefix.size())) : std::nullopt;
  DRIFT_CHECK(kUsage, quality && *quality >= 1 && *quality <= 100,
              "--encode {}: expected raw, or jpeg:Q with a quality Q from 1 to 100", encoding);
  return static_cast<int>(*quality);
}

BadImages bad_images_of(const std::string& text) {
  DRIFT_CHECK(kUsage, text == "fail" || text == "skip", "--bad-images {}: expected fail or skip", text);
  return text == "skip" ? BadImages::kSkip : BadImages::kFail;
}

int threads_of(std::int64_t asked) {
  return asked > 0 ? static_cast<int>(asked) : cpu_features().cores;
}

// Says now and then how far it is.
class Progress {
 public:
  Progress(std::string name, std::int64_t images) : name_(std::move(name)), images_(images) {}

  void operator()(std::int64_t done) {
    constexpr double kSecondsBetween = 10;
    if (watch_.seconds() < kSecondsBetween) return;
    watch_.lap();
    log_info("{}: {} of {} images", name_, done, images_);
  }

 private:
  const std::string name_;
  const std::int64_t images_;
  Stopwatch watch_;
};

}  // namespace

int run_data_pack(int argc, char** argv) {
  CommandLine command(
      std::nullopt, "drift data pack",
      "Packs an image folder into two files that are read where they lie in memory: train.pack and\n"
      "val.pack in OUT, images no larger than they need to be. Stopped at any moment, the same command\n"
      "goes on.",
      {"drift data pack imagefolder:DIR OUT", "drift data pack imagefolder:DIR OUT --encode raw",
       "drift train --data packed:OUT"});
  std::string spec, out, encoding = "jpeg:90", bad_images = "fail";
  PackOptions options;
  std::int64_t threads = 0;
  command.add_required_value("SPEC", "", &spec, "the images, imagefolder:DIR");
  command.add_required_value("OUT", "", &out, "the directory to be made");
  command.add_value("--short-side", "N", CommandLine::Integer{&options.short_side, kSides},
                    "images with a larger short side get this one [256]");
  command.add_value("--encode", "HOW", &encoding, "jpeg:Q of quality Q, or raw: pixels [jpeg:90]");
  command.add_value("--bad-images", "fail|skip", &bad_images,
                    "images that cannot be decoded: an error, or left out and named [fail]");
  command.add_value("--threads", "N", CommandLine::Integer{&threads, kThreads}, "0: one per core [0]");
  if (!command.parse(argc, argv)) return 0;

  options.jpeg_quality = quality_of(encoding);
  const BadImages bad = bad_images_of(bad_images);
  install_stop_signals();
  const ImageSources sources = open_image_sources(spec);
  make_directories(out);
  LoaderPool loading(threads_of(threads));
  for (const auto& [source, file] : {std::pair(sources.train.get(), kPackedTrain), {sources.val.get(), kPackedVal}}) {
    const fs::path path = fs::path(out) / file;
    const PackReport report =
        pack(*source, path, options, bad, loading, Progress(path.string(), source->size()), stop_requested());
    print("{}: {} images of {} classes, {:.1f} MB{}{}\n", path.string(), report.images, source->class_names().size(),
          1e-6 * static_cast<double>(report.bytes),
          report.left_out > 0 ? fmt::format(", {} left out", report.left_out) : "",
          report.taken_up > 0 ? fmt::format(", {} were there already", report.taken_up) : "");
  }
  return 0;
}

int run_data_verify(int argc, char** argv) {
  CommandLine command(std::nullopt, "drift data verify",
                      "Reads all of a packed set and says whether each image is as it was written.",
                      {"drift data verify OUT"});
  std::string out;
  command.add_required_value("OUT", "", &out, "the directory of the packed set");
  if (!command.parse(argc, argv)) return 0;

  LoaderPool loading(cpu_features().cores);
  for (const char* file : {kPackedTrain, kPackedVal}) {
    const fs::path path = fs::path(out) / file;
    print("{}: {} images, each with its checksum\n", path.string(), verify_packed(path, loading));
  }
  return 0;
}

}  // namespace drift
