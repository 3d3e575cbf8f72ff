#include "data/pack.h"

#include <algorithm>
#include <string>
#include <system_error>
#include <vector>

#include "core/check.h"
#include "core/checked_file.h"
#include "core/log.h"
#include "data/image_header.h"
#include "data/pack_writer.h"
#include "data/packed_source.h"
#include "data/spares.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kAtOnce = 64;  // images that are encoded before they are written

std::uint64_t identity_of(const Source& source, const PackOptions& options) {
  RunningDigest digest;
  source.identify(digest);
  const std::int64_t numbers[] = {options.short_side, options.jpeg_quality.value_or(0)};
  digest.add(std::as_bytes(std::span(numbers)));
  return digest.value().checksum;
}

struct Encoded {
  std::vector<std::uint8_t> bytes;
  std::string problem = {};  // why there are none
};

class Packing {
 public:
  Packing(const Source& source, const PackOptions& options, BadImages bad_images)
      : source_(source), bad_images_(bad_images), encoders_([options] { return std::make_unique<Encoder>(options); }) {}

  Encoded encode(std::int64_t index) {
    const Spares<Encoder>::Loan encoder(encoders_);
    const std::span<const std::uint8_t> file = source_.read(index, encoder->memory);
    try {
      const std::span<const std::uint8_t> encoded = encoder->encoder.encode(file);
      return {.bytes = {encoded.begin(), encoded.end()}};
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kData) throw;
      DRIFT_CHECK(kData, bad_images_ == BadImages::kSkip, "{}: {}. With --bad-images skip such images are left out",
                  source_.place(index), error.message());
      return {.bytes = {}, .problem = error.message()};
    }
  }

 private:
  struct Encoder {
    explicit Encoder(const PackOptions& options) : encoder(options) {}
    PackEncoder encoder;
    std::string memory;
  };

  const Source& source_;
  const BadImages bad_images_;
  Spares<Encoder> encoders_;
};

}  // namespace

PackReport pack(const Source& source, const fs::path& path, const PackOptions& options, BadImages bad_images,
                LoaderPool& loading, const std::function<void(std::int64_t)>& progress, const std::atomic<bool>& stop) {
  const std::uint64_t identity = identity_of(source, options);
  std::error_code absent;
  if (fs::exists(path, absent)) {
    const PackedSource done(path);
    DRIFT_CHECK(
        kUsage, done.identity() == identity,
        "{}: is there already, made from other images or with other options: remove it, or pack to another place",
        path.string());
    return {.images = done.size(),
            .left_out = source.size() - done.size(),
            .taken_up = done.size(),
            .bytes = fs::file_size(path)};
  }
  PackWriter writer(path, identity);
  PackReport report{.taken_up = writer.images()};
  Packing packing(source, options, bad_images);
  std::vector<Encoded> encoded(static_cast<std::size_t>(kAtOnce));
  for (std::int64_t first = writer.last() + 1; first < source.size(); first += kAtOnce) {
    if (stop) {
      writer.note();
      DRIFT_FAIL(kStopped, "{}: {} of {} images are packed: the same command goes on", path.string(), first,
                 source.size());
    }
    const std::int64_t count = std::min(kAtOnce, source.size() - first);
    LoaderJob job(loading, count, /*grain=*/1,
                  [&](std::int64_t i) { encoded[static_cast<std::size_t>(i)] = packing.encode(first + i); });
    job.finish();
    for (std::int64_t i = 0; i < count; ++i) {
      const auto& [bytes, problem] = encoded[static_cast<std::size_t>(i)];
      if (problem.empty()) {
        writer.add(first + i, source.label(first + i), bytes);
      } else {
        log_warning("{}: {}: left out", source.place(first + i), problem);
      }
    }
    progress(first + count);
  }
  std::vector<std::string> names;
  for (const std::uint64_t origin : writer.origins()) names.push_back(source.name(static_cast<std::int64_t>(origin)));
  writer.finish({source.class_names().begin(), source.class_names().end()}, std::move(names));
  report.images = writer.images();
  report.left_out = source.size() - report.images;
  report.bytes = fs::file_size(path);
  return report;
}

std::int64_t verify_packed(const fs::path& path, LoaderPool& loading) {
  const PackedSource source(path);
  LoaderJob job(loading, source.size(), /*grain=*/16, [&](std::int64_t index) {
    std::string memory;
    const std::span<const std::uint8_t> bytes = source.read(index, memory);
    try {
      read_image_header(bytes);
    } catch (const Error& error) {
      DRIFT_FAIL(kData, "{}: {}", source.place(index), error.message());
    }
  });
  job.finish();
  return source.size();
}

}  // namespace drift
