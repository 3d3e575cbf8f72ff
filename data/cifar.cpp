#include "data/cifar.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

#include "core/check.h"
#include "core/file_errors.h"
#include "data/cifar_layout.h"
#include "data/cifar_python.h"
#include "data/data_files.h"
#include "data/memory_dataset.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNamesBytesMax = 1 << 20;
// Of an image in the python version, whose files name each one; those of the official ones have 3,105.
constexpr std::int64_t kPythonRecordBytesMax = 4096;

// The files that were found, and which they are.
struct Found {
  std::unique_ptr<DataFiles> files;
  const CifarVersion* version;
};

// "data_batch_1.bin": whether any of a version's files is there.
template <class IsThere>
bool has_any(const CifarVersion& version, const IsThere& is_there) {
  return std::ranges::any_of(version.files(), [&](const CifarFile& file) { return is_there(file.name); });
}

// The first of these that is there: the binary version, the python version, each in the folder itself or in that of its
// official archive.
Found find_in_folder(const CifarLayout& layout, const fs::path& directory) {
  for (const CifarVersion* version : {&layout.binary, &layout.python}) {
    for (const fs::path& folder : {directory, directory / version->folder}) {
      if (has_any(*version, [&](const std::string& name) { return fs::is_regular_file(folder / name); })) {
        return {files_in_folder(folder), version};
      }
    }
  }
  return {files_in_folder(directory), &layout.binary};
}

Found find_in_archive(const CifarLayout& layout, const fs::path& archive) {
  std::vector<WantedFile> wanted;
  std::vector<std::string> folders;
  for (const CifarVersion* version : {&layout.binary, &layout.python}) {
    const std::int64_t record = version == &layout.binary ? layout.record_bytes() : kPythonRecordBytesMax;
    for (const CifarFile& file : version->files()) {
      wanted.push_back({file.name, static_cast<std::uint64_t>(file.official_records * record)});
    }
    wanted.push_back({version->names_file, kNamesBytesMax});
    folders.push_back(version->folder);
  }
  std::unique_ptr<DataFiles> files = files_in_archive(archive, wanted, folders);
  const auto is_there = [&](const std::string& name) { return files->size_of(name).has_value(); };
  const bool python = !has_any(layout.binary, is_there) && has_any(layout.python, is_there);
  return {std::move(files), python ? &layout.python : &layout.binary};
}

Found find(const CifarLayout& layout, const fs::path& place) {
  if (fs::is_regular_file(place)) return find_in_archive(layout, place);
  DRIFT_CHECK(kData, fs::is_directory(place),
              "{}: no such directory or file; expected the binary or the python version of {} there, or its .tar.gz "
              "archive",
              place.string(), layout.title);
  return find_in_folder(layout, place);
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

// A file with so many records in it.
struct Counted {
  const CifarFile* file;
  std::string place;
  std::int64_t records;
};

// Either all files have their official numbers of records, or those of training have one number. record_bytes: by which
// errors say where a file ends; 0: they do not.
void check_counts(std::vector<Counted> train, const Counted& test, std::int64_t record_bytes) {
  const auto require = [&](const Counted& counted, std::int64_t expected, const std::string& reason) {
    if (counted.records == expected) return;
    const std::int64_t records = counted.records;
    DRIFT_CHECK(kData, record_bytes > 0, "{}: has {} records; expected {}, because {}", counted.place, records,
                expected, reason);
    DRIFT_FAIL(kData, "{}: ends at offset {} after {} records; expected {} records ({} bytes), because {}",
               counted.place, records * record_bytes, records, expected, expected * record_bytes, reason);
  };
  const std::int64_t most = std::ranges::max_element(train, {}, &Counted::records)->records;
  std::vector<Counted> all = train;
  all.push_back(test);
  const auto official =
      std::ranges::find_if(all, [](const Counted& one) { return one.records == one.file->official_records; });
  if (official != all.end()) {
    const std::string reason = fmt::format("{} has its official {}", official->file->name, official->records);
    for (const Counted& counted : all) require(counted, counted.file->official_records, reason);
  } else {  // the test set has a size of its own
    for (const Counted& counted : train) require(counted, most, fmt::format("another training file has {}", most));
  }
}

struct Split {
  std::vector<std::uint8_t> images;
  std::vector<std::int32_t> labels;
};

void append_image(std::int32_t label, const std::uint8_t* planes, Split& split) {
  split.labels.push_back(label);
  const std::size_t start = split.images.size();
  split.images.resize(start + static_cast<std::size_t>(kCifarPixels));
  std::uint8_t* image = split.images.data() + start;
  for (std::int64_t pixel = 0; pixel < kCifarPlane; ++pixel) {
    for (std::int64_t channel = 0; channel < 3; ++channel)
      image[3 * pixel + channel] = planes[channel * kCifarPlane + pixel];
  }
}

void append_binary(const CifarLayout& layout, DataFiles& files, const CifarFile& file, Split& split) {
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
    const std::uint8_t* planes = record.data() + layout.label_bytes();
    append_image(planes[-1], planes, split);
  }
}

// All of a file, which has at most so many bytes. Nothing where there is none.
std::optional<std::string> text_of(DataFiles& files, const std::string& name, std::uint64_t bytes_max) {
  const std::optional<std::uint64_t> size = files.size_of(name);
  if (!size) return std::nullopt;
  DRIFT_CHECK(kData, *size <= bytes_max, "{}: more than {} bytes, the most it may have", files.place(name), bytes_max);
  std::string text(static_cast<std::size_t>(*size), '\0');
  files.open(name)->read(std::as_writable_bytes(std::span(text)), "its contents");
  return text;
}

std::vector<std::string> names_in_lines(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> names;
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  return names;
}

std::vector<std::string> read_class_names(const CifarLayout& layout, const Found& found) {
  const std::string& file = found.version->names_file;
  const std::optional<std::string> text =
      with_file_errors(ErrorKind::kData, [&] { return text_of(*found.files, file, kNamesBytesMax); });
  if (!text) return layout.class_names;
  const std::string place = found.files->place(file);
  std::vector<std::string> names =
      found.version == &layout.python ? read_cifar_python_names(*text, place, layout) : names_in_lines(*text);
  DRIFT_CHECK(kData, names.size() == layout.class_names.size(), "{}: {} class names; expected {}, one a line", place,
              names.size(), layout.class_names.size());
  return names;
}

struct Splits {
  Split train, test;
};

// Sizes are those of all files before a record of one is read.
Splits read_binary(const CifarLayout& layout, DataFiles& files) {
  const auto counted = [&](const CifarFile& file) {
    return Counted{&file, files.place(file.name), count_records(layout, files, file)};
  };
  std::int64_t records = 0;
  with_file_errors(ErrorKind::kData, [&] {
    std::vector<Counted> train;
    for (const CifarFile& file : layout.binary.train) records += train.emplace_back(counted(file)).records;
    check_counts(train, counted(layout.binary.test), layout.record_bytes());
  });
  Splits splits;
  splits.train.images.reserve(static_cast<std::size_t>(records * kCifarPixels));
  for (const CifarFile& file : layout.binary.train) append_binary(layout, files, file, splits.train);
  append_binary(layout, files, layout.binary.test, splits.test);
  return splits;
}

Splits read_python(const CifarLayout& layout, DataFiles& files) {
  const auto append = [&](const CifarFile& file, Split& split) {
    const std::string place = files.place(file.name);
    const auto bytes_max = static_cast<std::uint64_t>(file.official_records * kPythonRecordBytesMax);
    const std::optional<std::string> text =
        with_file_errors(ErrorKind::kData, [&] { return text_of(files, file.name, bytes_max); });
    DRIFT_CHECK(kData, text, "{}: no such file; expected a pickle of {} records as in the python version of {}", place,
                file.official_records, layout.title);
    const std::int64_t records =
        read_cifar_python(*text, place, layout,
                          [&](std::int32_t label, const std::uint8_t* planes) { append_image(label, planes, split); });
    DRIFT_CHECK(kData, records > 0, "{}: has no records; expected {}", place, file.official_records);
    return Counted{&file, place, records};
  };
  Splits splits;
  std::vector<Counted> train;
  for (const CifarFile& file : layout.python.train) train.push_back(append(file, splits.train));
  check_counts(train, append(layout.python.test, splits.test), /*record_bytes=*/0);
  return splits;
}

DataSource open_cifar(const CifarLayout& layout, const fs::path& place) {
  const Found found = with_file_errors(ErrorKind::kData, [&] { return find(layout, place); });
  Splits splits =
      found.version == &layout.python ? read_python(layout, *found.files) : read_binary(layout, *found.files);
  const std::vector<std::string> class_names = read_class_names(layout, found);
  const auto dataset = [&](Split& split) {
    return std::make_unique<MemoryDataset>(Shape{kCifarSide, kCifarSide, 3}, class_names, std::move(split.images),
                                           std::move(split.labels));
  };
  return {layout.name, dataset(splits.train), dataset(splits.test), layout.normalisation};
}

}  // namespace

DataSource open_cifar10(const fs::path& place) {
  return open_cifar(cifar10_layout(), place);
}

DataSource open_cifar100(const fs::path& place) {
  return open_cifar(cifar100_layout(), place);
}

}  // namespace drift
