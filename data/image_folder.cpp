#include "data/image_folder.h"

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "core/check.h"
#include "core/text.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

// What torchvision takes for an image, in any case of letters.
constexpr std::array<std::string_view, 9> kEndings = {".jpg", ".jpeg", ".png",  ".ppm", ".bmp",
                                                      ".pgm", ".tif",  ".tiff", ".webp"};

bool is_called_like_an_image(std::string name) {
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return std::ranges::any_of(kEndings, [&](std::string_view ending) { return name.ends_with(ending); });
}

constexpr std::size_t kShown = 3;  // names in an error

// Names of what a folder holds, each kind sorted by bytes.
struct Contents {
  std::vector<std::string> folders, files;
};

Contents contents_of(const fs::path& folder) {
  Contents contents;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code unknown;  // a link to nothing is no folder
    (entry->is_directory(unknown) ? contents.folders : contents.files).push_back(entry->path().filename().string());
  }
  DRIFT_CHECK(kData, !error, "{}: cannot be read: {}", folder.string(), error.message());
  std::ranges::sort(contents.folders);
  std::ranges::sort(contents.files);
  return contents;
}

// A folder of a class and all below it, with their files.
class ClassFiles {
 public:
  explicit ClassFiles(const fs::path& split) : split_(split) {}

  void add(const std::string& folder) {
    const fs::path path = split_ / folder;
    const fs::path real = fs::weakly_canonical(path);
    DRIFT_CHECK(kData, std::ranges::find(above_, real) == above_.end(), "{}: leads back to {}", path.string(),
                real.string());
    above_.push_back(real);
    Contents contents = contents_of(path);
    folders_.emplace_back(folder, std::move(contents.files));
    for (const std::string& below : contents.folders) add(folder + "/" + below);
    above_.pop_back();
  }

  // Folders in the order of their whole paths, which "a-b" has before "a/b".
  void take(ImageFolderSplit& split, std::int32_t label) {
    std::ranges::sort(folders_, {}, &Folder::first);
    for (const auto& [folder, files] : folders_) {
      for (const std::string& file : files) {
        if (is_called_like_an_image(file)) {
          split.files.push_back(folder + "/" + file);
          split.labels.push_back(label);
        } else {
          ++split.ignored;
        }
      }
    }
  }

 private:
  using Folder = std::pair<std::string, std::vector<std::string>>;

  const fs::path& split_;
  std::vector<Folder> folders_;
  std::vector<fs::path> above_;  // the folders that the present one lies in
};

ImageFolderSplit list_split(const fs::path& directory, std::vector<std::string>& class_names) {
  DRIFT_CHECK(kData, fs::is_directory(directory),
              "{}: no such folder. An image folder has train/ and val/, and in each a folder per class",
              directory.string());
  Contents contents = contents_of(directory);
  DRIFT_CHECK(kData, contents.files.empty(), "{}: files beside the folders of the classes: {}", directory.string(),
              a_few(contents.files, kShown));
  DRIFT_CHECK(kData, !contents.folders.empty(), "{}: no folder in it, where there should be one for each class",
              directory.string());
  ImageFolderSplit split{.directory = directory, .files = {}, .labels = {}};
  std::vector<std::string> empty;
  for (std::size_t label = 0; label < contents.folders.size(); ++label) {
    const std::size_t before = split.files.size();
    ClassFiles files(directory);
    files.add(contents.folders[label]);
    files.take(split, static_cast<std::int32_t>(label));
    if (split.files.size() == before) empty.push_back(contents.folders[label]);
  }
  DRIFT_CHECK(kData, empty.empty(), "{}: classes without an image: {}. Images end in {}", directory.string(),
              a_few(empty, kShown), fmt::join(kEndings, ", "));
  class_names = std::move(contents.folders);
  return split;
}

std::vector<std::string> missing_from(const std::vector<std::string>& has, const std::vector<std::string>& wanted) {
  std::vector<std::string> missing;
  std::ranges::set_difference(wanted, has, std::back_inserter(missing));
  return missing;
}

}  // namespace

ImageFolder list_image_folder(const fs::path& directory) {
  ImageFolder folder;
  std::vector<std::string> of_val;
  folder.train = list_split(directory / "train", folder.class_names);
  folder.val = list_split(directory / "val", of_val);
  const std::vector<std::string> missing = missing_from(of_val, folder.class_names),
                                 more = missing_from(folder.class_names, of_val);
  DRIFT_CHECK(kData, missing.empty(), "{}: classes of train/ that val/ does not have: {}", directory.string(),
              a_few(missing, kShown));
  DRIFT_CHECK(kData, more.empty(), "{}: classes of val/ that train/ does not have: {}", directory.string(),
              a_few(more, kShown));
  return folder;
}

}  // namespace drift
