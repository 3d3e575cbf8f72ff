#include "data/fetch/remote_archive.h"

#include <algorithm>

#include "core/check.h"
#include "core/text.h"
#include "data/cifar_layout.h"

namespace drift {
namespace {

constexpr std::uint64_t kNamesBytesMax = 1 << 12;  // of a file of class names

RemoteArchive cifar(const CifarLayout& layout, RemoteArchive archive) {
  archive.name = layout.name;
  archive.title = layout.title;
  archive.folder = layout.binary.folder;
  for (const CifarFile& file : layout.binary.files()) {
    archive.files.push_back({file.name, static_cast<std::uint64_t>(file.official_records * layout.record_bytes())});
  }
  archive.files.push_back({layout.binary.names_file, kNamesBytesMax, /*up_to=*/true});
  return archive;
}

}  // namespace

std::span<const RemoteArchive> official_archives() {
  static const std::vector<RemoteArchive> all = {
      cifar(cifar10_layout(), {.url = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                               .bytes = 170'052'171,
                               .md5 = "c32a1d4ab5d03f1284b67883e8d87530"}),
      cifar(cifar100_layout(), {.url = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
                                .bytes = 168'513'733,
                                .md5 = "03b5dce01913d631647c71ecec9e9cb8"})};
  return all;
}

const RemoteArchive& official_archive(std::string_view name) {
  const std::span<const RemoteArchive> all = official_archives();
  const auto found = std::ranges::find(all, name, &RemoteArchive::name);
  if (found != all.end()) return *found;
  std::vector<std::string> names;
  for (const RemoteArchive& archive : all) names.push_back(archive.name);
  DRIFT_FAIL(kUsage, "'{}' is no data set that can be fetched.{} There are: {}", name, did_you_mean(name, names),
             joined(names));
}

}  // namespace drift
