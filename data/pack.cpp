#include "data/pack.h"

#include <algorithm>
#include <string>
#include <system_error>
#include <vector>

#include "core/check.h"
#include "core/checked_file.h"
#include "core/log.h"
#include "core/spares.h"
#include "data/image_header.h"
#include "data/pack_writer.h"
#include "data/packed_source.h"

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
  std::string problem;  // why there are none
};

// For one image at a time.
struct Encoder {
  explicit Encoder(const PackOptions& options) : encoder(options) {}

  PackEncoder encoder;
  std::string memory;  // of the file
};

Encoded encode(const Source& source, std::int64_t index, BadImages bad_images, Spares<Encoder>& encoders) {
  const Spares<Encoder>::Loan encoder(encoders);
  const std::span<const std::uint8_t> file = source.read(index, encoder->memory);
  Encoded result;
  result.problem = problem_of(source, index, bad_images, [&] {
    const std::span<const std::uint8_t> encoded = encoder->encoder.encode(file);
    result.bytes.assign(encoded.begin(), encoded.end());
  });
  return result;
}

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
  Spares<Encoder> encoders([options] { return std::make_unique<Encoder>(options); });
  std::vector<Encoded> encoded(static_cast<std::size_t>(kAtOnce));
  for (std::int64_t first = writer.last() + 1; first < source.size(); first += kAtOnce) {
    if (stop) {
      writer.note();
      DRIFT_FAIL(kStopped, "{}: {} of {} images are packed: the same command goes on", path.string(), first,
                 source.size());
    }
    const std::int64_t count = std::min(kAtOnce, source.size() - first);
    LoaderJob job(loading, count, /*grain=*/1, [&](std::int64_t i) {
      encoded[static_cast<std::size_t>(i)] = encode(source, first + i, bad_images, encoders);
    });
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
