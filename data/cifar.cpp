#include "data/cifar.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <sstream>
#include <utility>

#include "core/check.h"
#include "core/checked_file.h"
#include "core/file_errors.h"
#include "core/regular_file.h"
#include "core/text.h"
#include "data/memory_dataset.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSide = 32;
constexpr std::int64_t kPlane = kSide * kSide;
constexpr std::int64_t kPixels = 3 * kPlane;

struct File {
  std::string name;
  std::int64_t official_records;
};

struct LabelByte {
  std::string name;
  int classes;
};

struct Layout {
  std::string name, title;
  std::string folder;  // in the official archive
  std::vector<File> train;
  File test;
  std::vector<LabelByte> labels;  // the last one is the class
  std::string names_file;
  std::vector<std::string> class_names;
  Normalisation normalisation;

  std::int64_t label_bytes() const { return static_cast<std::int64_t>(labels.size()); }
  std::int64_t record_bytes() const { return label_bytes() + kPixels; }
};

Layout cifar10_layout() {
  Layout layout;
  layout.name = "cifar10";
  layout.title = "CIFAR-10";
  layout.folder = "cifar-10-batches-bin";
  for (int i = 1; i <= 5; ++i) layout.train.push_back({fmt::format("data_batch_{}.bin", i), 10000});
  layout.test = {"test_batch.bin", 10000};
  layout.labels = {{"label", 10}};
  layout.names_file = "batches.meta.txt";
  layout.class_names = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  layout.normalisation = {{0.4914f, 0.4822f, 0.4465f}, {0.2023f, 0.1994f, 0.2010f}};
  return layout;
}

Layout cifar100_layout() {
  Layout layout;
  layout.name = "cifar100";
  layout.title = "CIFAR-100";
  layout.folder = "cifar-100-binary";
  layout.train = {{"train.bin", 50000}};
  layout.test = {"test.bin", 10000};
  layout.labels = {{"coarse label", 20}, {"fine label", 100}};
  layout.names_file = "fine_label_names.txt";
  layout.class_names = {
      "apple",      "aquarium_fish", "baby",         "bear",       "beaver",      "bed",         "bee",
      "beetle",     "bicycle",       "bottle",       "bowl",       "boy",         "bridge",      "bus",
      "butterfly",  "camel",         "can",          "castle",     "caterpillar", "cattle",      "chair",
      "chimpanzee", "clock",         "cloud",        "cockroach",  "couch",       "crab",        "crocodile",
      "cup",        "dinosaur",      "dolphin",      "elephant",   "flatfish",    "forest",      "fox",
      "girl",       "hamster",       "house",        "kangaroo",   "keyboard",    "lamp",        "lawn_mower",
      "leopard",    "lion",          "lizard",       "lobster",    "man",         "maple_tree",  "motorcycle",
      "mountain",   "mouse",         "mushroom",     "oak_tree",   "orange",      "orchid",      "otter",
      "palm_tree",  "pear",          "pickup_truck", "pine_tree",  "plain",       "plate",       "poppy",
      "porcupine",  "possum",        "rabbit",       "raccoon",    "ray",         "road",        "rocket",
      "rose",       "sea",           "seal",         "shark",      "shrew",       "skunk",       "skyscraper",
      "snail",      "snake",         "spider",       "squirrel",   "streetcar",   "sunflower",   "sweet_pepper",
      "table",      "tank",          "telephone",    "television", "tiger",       "tractor",     "train",
      "trout",      "tulip",         "turtle",       "wardrobe",   "whale",       "willow_tree", "wolf",
      "woman",      "worm"};
  layout.normalisation = {{0.5071f, 0.4865f, 0.4409f}, {0.2673f, 0.2564f, 0.2762f}};
  return layout;
}

fs::path find_folder(const Layout& layout, const fs::path& directory) {
  DRIFT_CHECK(kData, fs::is_directory(directory), "{}: no such directory; expected the binary version of {} there",
              directory.string(), layout.title);
  const fs::path inner = directory / layout.folder;
  return !fs::exists(directory / layout.train.front().name) && fs::is_directory(inner) ? inner : directory;
}

std::int64_t count_records(const Layout& layout, const fs::path& folder, const File& file) {
  const std::string path = (folder / file.name).string();
  const std::int64_t record = layout.record_bytes();
  const std::string expected = fmt::format("{} records of {} bytes as in the binary version of {} ({} bytes)",
                                           file.official_records, record, layout.title, file.official_records * record);
  DRIFT_CHECK(kData, fs::is_regular_file(path), "{}: no such file; expected {}", path, expected);
  const auto bytes = static_cast<std::int64_t>(fs::file_size(path));
  DRIFT_CHECK(kData, bytes > 0, "{}: ends at offset 0; expected {}", path, expected);
  DRIFT_CHECK(kData, bytes % record == 0, "{}: ends at offset {}, {} bytes into a record of {}; expected {}", path,
              bytes, bytes % record, record, expected);
  return bytes / record;
}

// Finds every file and checks all sizes before any is read. Returns the training set's number of records.
std::int64_t check_files(const Layout& layout, const fs::path& folder) {
  struct Found {
    const File* file;
    std::int64_t records;
  };
  std::vector<Found> found;
  for (const File& file : layout.train) found.push_back({&file, count_records(layout, folder, file)});
  const std::int64_t most = std::ranges::max_element(found, {}, &Found::records)->records;
  const std::int64_t train_records =
      std::accumulate(found.begin(), found.end(), std::int64_t{0}, [](auto sum, Found f) { return sum + f.records; });
  found.push_back({&layout.test, count_records(layout, folder, layout.test)});

  const auto require = [&](const Found& f, std::int64_t expected, const std::string& reason) {
    DRIFT_CHECK(kData, f.records == expected,
                "{}: ends at offset {} after {} records; expected {} records ({} bytes), because {}",
                (folder / f.file->name).string(), f.records * layout.record_bytes(), f.records, expected,
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

void append_record(const std::uint8_t* record, const Layout& layout, Split& split) {
  split.labels.push_back(record[layout.label_bytes() - 1]);
  const std::uint8_t* planes = record + layout.label_bytes();
  const std::size_t start = split.images.size();
  split.images.resize(start + static_cast<std::size_t>(kPixels));
  std::uint8_t* image = split.images.data() + start;
  for (std::int64_t pixel = 0; pixel < kPlane; ++pixel) {
    for (std::int64_t channel = 0; channel < 3; ++channel)
      image[3 * pixel + channel] = planes[channel * kPlane + pixel];
  }
}

void append_file(const Layout& layout, const fs::path& folder, const File& file, Split& split) {
  const std::string path = (folder / file.name).string();
  const std::int64_t record_bytes = layout.record_bytes();
  const std::int64_t records = count_records(layout, folder, file);
  InputFile in(path, ErrorKind::kData);
  std::vector<std::uint8_t> record(static_cast<std::size_t>(record_bytes));
  for (std::int64_t i = 0; i < records; ++i) {
    const std::int64_t offset = i * record_bytes;
    in.read(std::as_writable_bytes(std::span(record)), fmt::format("record {} of {}", i, records));
    for (std::size_t b = 0; b < layout.labels.size(); ++b) {
      DRIFT_CHECK(kData, record[b] < layout.labels[b].classes, "{}: {} {} at offset {} (record {}); expected 0..{}",
                  path, layout.labels[b].name, record[b], offset + static_cast<std::int64_t>(b), i,
                  layout.labels[b].classes - 1);
    }
    append_record(record.data(), layout, split);
  }
}

std::vector<std::string> read_class_names(const Layout& layout, const fs::path& folder) {
  constexpr std::size_t kBytesMax = 1 << 20;
  const fs::path path = folder / layout.names_file;
  const std::optional<std::string> text = text_if_there(path, kBytesMax, ErrorKind::kData);
  if (!text) return layout.class_names;
  std::istringstream in(*text);
  std::vector<std::string> names;
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  DRIFT_CHECK(kData, names.size() == layout.class_names.size(), "{}: {} class names; expected {}, one a line",
              path.string(), names.size(), layout.class_names.size());
  return names;
}

DataSource open_cifar(const Layout& layout, const fs::path& directory) {
  const auto [folder, train_records] = with_file_errors(ErrorKind::kData, [&] {
    const fs::path found = find_folder(layout, directory);
    return std::pair(found, check_files(layout, found));
  });
  const std::vector<std::string> class_names = read_class_names(layout, folder);

  Split train, test;
  train.images.reserve(static_cast<std::size_t>(train_records * kPixels));
  for (const File& file : layout.train) append_file(layout, folder, file, train);
  append_file(layout, folder, layout.test, test);

  const auto dataset = [&](Split& split) {
    return std::make_unique<MemoryDataset>(Shape{kSide, kSide, 3}, class_names, std::move(split.images),
                                           std::move(split.labels));
  };
  return {layout.name, dataset(train), dataset(test), layout.normalisation};
}

}  // namespace

DataSource open_cifar10(const fs::path& directory) {
  return open_cifar(cifar10_layout(), directory);
}

DataSource open_cifar100(const fs::path& directory) {
  return open_cifar(cifar100_layout(), directory);
}

}  // namespace drift
