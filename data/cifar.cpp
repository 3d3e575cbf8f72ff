#include "data/cifar.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <sstream>
#include <utility>

#include "core/check.h"
#include "core/file_errors.h"
#include "data/cifar_layout.h"
#include "data/data_files.h"
#include "data/memory_dataset.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNamesBytesMax = 1 << 20;

// Those of a folder, or of the official archive's folder in it.
std::unique_ptr<DataFiles> find_folder(const CifarLayout& layout, const fs::path& directory) {
  const fs::path inner = directory / layout.folder;
  const bool is_inner = !fs::exists(directory / layout.train.front().name) && fs::is_directory(inner);
  return files_in_folder(is_inner ? inner : directory);
}

std::unique_ptr<DataFiles> open_archive(const CifarLayout& layout, const fs::path& archive) {
  std::vector<WantedFile> wanted = {{layout.names_file, kNamesBytesMax}};
  for (const CifarFile& file : layout.files()) {
    wanted.push_back({file.name, static_cast<std::uint64_t>(file.official_records * layout.record_bytes())});
  }
  return files_in_archive(archive, wanted, std::span(&layout.folder, 1));
}

std::unique_ptr<DataFiles> find_files(const CifarLayout& layout, const fs::path& place) {
  if (fs::is_regular_file(place)) return open_archive(layout, place);
  DRIFT_CHECK(kData, fs::is_directory(place),
              "{}: no such directory or file; expected the binary version of {} there, or its .tar.gz archive",
              place.string(), layout.title);
  return find_folder(layout, place);
}

std::int64_t count_records(const CifarLayout& layout, const DataFiles& files, const CifarFile& file) {
  const std::string path = files.place(file.name);
  const std::int64_t record = layout.record_bytes();
  const std::string expected = fmt::format("{} records of {} bytes as in the binary version of {} ({} bytes)",
                                           file.official_records, record, layout.title, file.official_records * record);
  const std::optional<std::uint64_t> size = files.size_of(file.name);
  DRIFT_CHECK(kData, size, "{}: no such file; expected {}", path, expected);
  const auto bytes = static_cast<std::int64_t>(*size);
  DRIFT_CHECK(kData, bytes > 0, "{}: ends at offset 0; expected {}", path, expected);
  DRIFT_CHECK(kData, bytes % record == 0, "{}: ends at offset {}, {} bytes into a record of {}; expected {}", path,
              bytes, bytes % record, record, expected);
  return bytes / record;
}

// Finds every file and checks all sizes before any is read. Returns the training set's number of records.
std::int64_t check_files(const CifarLayout& layout, const DataFiles& files) {
  struct Found {
    const CifarFile* file;
    std::int64_t records;
  };
  std::vector<Found> found;
  for (const CifarFile& file : layout.train) found.push_back({&file, count_records(layout, files, file)});
  const std::int64_t most = std::ranges::max_element(found, {}, &Found::records)->records;
  const std::int64_t train_records =
      std::accumulate(found.begin(), found.end(), std::int64_t{0}, [](auto sum, Found f) { return sum + f.records; });
  found.push_back({&layout.test, count_records(layout, files, layout.test)});

  const auto require = [&](const Found& f, std::int64_t expected, const std::string& reason) {
    DRIFT_CHECK(kData, f.records == expected,
                "{}: ends at offset {} after {} records; expected {} records ({} bytes), because {}",
                files.place(f.file->name), f.records * layout.record_bytes(), f.records, expected,
                expected * layout.record_bytes(), reason);
  };
  const auto official = std::ranges::find_if(found, [](Found f) { return f.records == f.file->official_records; });
  if (official != found.end()) {
    const std::string reason = fmt::format("{} has its official {}", official->file->name, official->records);
    for (const Found& f : found) require(f, f.file->official_records, reason);
  } else {
    found.pop_back();  // the test set has a size of its own
    for (const Found& f : found) require(f, most, fmt::format("another training file has {}", most));
  }
  return train_records;
}

struct Split {
  std::vector<std::uint8_t> images;
  std::vector<std::int32_t> labels;
};

void append_record(const std::uint8_t* record, const CifarLayout& layout, Split& split) {
  split.labels.push_back(record[layout.label_bytes() - 1]);
  const std::uint8_t* planes = record + layout.label_bytes();
  const std::size_t start = split.images.size();
  split.images.resize(start + static_cast<std::size_t>(kCifarPixels));
  std::uint8_t* image = split.images.data() + start;
  for (std::int64_t pixel = 0; pixel < kCifarPlane; ++pixel) {
    for (std::int64_t channel = 0; channel < 3; ++channel)
      image[3 * pixel + channel] = planes[channel * kCifarPlane + pixel];
  }
}

void append_file(const CifarLayout& layout, DataFiles& files, const CifarFile& file, Split& split) {
  const std::string path = files.place(file.name);
  const std::int64_t record_bytes = layout.record_bytes();
  const std::unique_ptr<DataFile> in = files.open(file.name);
  const std::int64_t records = static_cast<std::int64_t>(in->size()) / record_bytes;
  std::vector<std::uint8_t> record(static_cast<std::size_t>(record_bytes));
  for (std::int64_t i = 0; i < records; ++i) {
    const std::int64_t offset = i * record_bytes;
    in->read(std::as_writable_bytes(std::span(record)), fmt::format("record {} of {}", i, records));
    for (std::size_t b = 0; b < layout.labels.size(); ++b) {
      DRIFT_CHECK(kData, record[b] < layout.labels[b].classes, "{}: {} {} at offset {} (record {}); expected 0..{}",
                  path, layout.labels[b].name, record[b], offset + static_cast<std::int64_t>(b), i,
                  layout.labels[b].classes - 1);
    }
    append_record(record.data(), layout, split);
  }
}

std::vector<std::string> read_class_names(const CifarLayout& layout, DataFiles& files) {
  const std::optional<std::uint64_t> size = files.size_of(layout.names_file);
  if (!size) return layout.class_names;
  const std::string path = files.place(layout.names_file);
  DRIFT_CHECK(kData, *size <= kNamesBytesMax, "{}: more than {} bytes, the most it may have", path, kNamesBytesMax);
  std::string text(static_cast<std::size_t>(*size), '\0');
  files.open(layout.names_file)->read(std::as_writable_bytes(std::span(text)), "class names");
  std::istringstream in(text);
  std::vector<std::string> names;
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  DRIFT_CHECK(kData, names.size() == layout.class_names.size(), "{}: {} class names; expected {}, one a line", path,
              names.size(), layout.class_names.size());
  return names;
}

DataSource open_cifar(const CifarLayout& layout, const fs::path& place) {
  std::unique_ptr<DataFiles> files;
  const std::int64_t train_records = with_file_errors(ErrorKind::kData, [&] {
    files = find_files(layout, place);
    return check_files(layout, *files);
  });
  const std::vector<std::string> class_names =
      with_file_errors(ErrorKind::kData, [&] { return read_class_names(layout, *files); });

  Split train, test;
  train.images.reserve(static_cast<std::size_t>(train_records * kCifarPixels));
  for (const CifarFile& file : layout.train) append_file(layout, *files, file, train);
  append_file(layout, *files, layout.test, test);

  const auto dataset = [&](Split& split) {
    return std::make_unique<MemoryDataset>(Shape{kCifarSide, kCifarSide, 3}, class_names, std::move(split.images),
                                           std::move(split.labels));
  };
  return {layout.name, dataset(train), dataset(test), layout.normalisation};
}

}  // namespace

DataSource open_cifar10(const fs::path& place) {
  return open_cifar(cifar10_layout(), place);
}

DataSource open_cifar100(const fs::path& place) {
  return open_cifar(cifar100_layout(), place);
}

}  // namespace drift
