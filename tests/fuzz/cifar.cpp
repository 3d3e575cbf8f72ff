// CIFAR-10 and CIFAR-100 in folders of files that are not what they should be. The first byte says which of the two;
// then a byte for each data file: how many records, and how many bytes too few; a byte, and so many labels (repeated);
// the rest is the file of class names.
#include "data/cifar.h"

#include <array>
#include <span>
#include <string>
#include <vector>

#include "tests/fuzz/target.h"
#include "tests/support/temp_directory.h"

using namespace drift;

namespace {

struct Layout {
  DataSource (*open)(const std::filesystem::path&);
  std::vector<const char*> files;
  const char* names;
  std::size_t label_bytes;
};

const std::array<Layout, 2>& layouts() {
  static const std::array<Layout, 2> both = {{{open_cifar10,
                                               {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                                "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"},
                                               "batches.meta.txt",
                                               1},
                                              {open_cifar100, {"train.bin", "test.bin"}, "fine_label_names.txt", 2}}};
  return both;
}

class Bytes {
 public:
  explicit Bytes(std::string_view text) : text_(text) {}
  std::uint8_t next() { return text_.empty() ? 0 : static_cast<std::uint8_t>(next(1).front()); }
  std::string_view next(std::size_t count) {
    const std::string_view bytes = text_.substr(0, count);
    text_.remove_prefix(bytes.size());
    return bytes;
  }
  std::string_view rest() const { return text_; }

 private:
  std::string_view text_;
};

std::string records(const Layout& layout, std::uint8_t size, std::string_view labels) {
  constexpr std::size_t kPixels = 3072;
  std::string text;
  for (std::size_t record = 0, at = 0; record < size / 16u; ++record) {
    for (std::size_t i = 0; i < layout.label_bytes; ++i) {
      text += labels.empty() ? '\0' : labels[at++ % labels.size()];
    }
    text.append(kPixels, static_cast<char>(record));
  }
  text.resize(text.size() - std::min<std::size_t>(text.size(), size % 16u));
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::array<testing::MemoryFile, 7> files;
  Bytes bytes(testing::text_of(data, size));
  const std::size_t which = bytes.next() % 2u;
  const Layout& layout = layouts()[which];
  static const std::array<testing::TempDirectory, 2> directories;
  const std::filesystem::path& directory = directories[which].path();
  const std::string_view sizes = bytes.next(layout.files.size());
  const std::string_view labels = bytes.next(bytes.next());
  const auto put = [&](testing::MemoryFile& file, const char* name, std::string_view text) {
    file.hold(text);
    if (!std::filesystem::is_symlink(directory / name)) std::filesystem::create_symlink(file.path(), directory / name);
  };
  for (std::size_t i = 0; i < layout.files.size(); ++i) {
    const auto records_and_less = static_cast<std::uint8_t>(i < sizes.size() ? sizes[i] : '\0');
    put(files[i], layout.files[i], records(layout, records_and_less, labels));
  }
  put(files[6], layout.names, bytes.rest());
  testing::is_read(ErrorKind::kData, [&] {
    const DataSource source = layout.open(directory);
    for (const auto* set : {source.train.get(), source.test.get()}) {
      for (std::int64_t i = 0; i < set->size(); ++i) {
        const auto label = static_cast<std::size_t>(set->label(i));
        DRIFT_ASSERT(label < set->class_names().size(), "label {} of image {}", label, i);
      }
    }
  });
  return 0;
}
