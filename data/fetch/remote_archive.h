// What is known of an archive before it is downloaded: where it is, its checksum, and what is in it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drift {

struct ArchivedFile {
  std::string name;
  std::uint64_t bytes = 0;
  bool up_to = false;  // it has at most so many
};

struct RemoteArchive {
  std::string name = {}, title = {};  // "cifar10", "CIFAR-10"
  std::string url;
  std::uint64_t bytes = 0;
  std::string md5;                       // as its publisher gives it
  std::string folder = {};               // in it, with these files
  std::vector<ArchivedFile> files = {};  // others are left out
};

// "cifar10", "cifar100": the binary versions, with the checksums of https://www.cs.toronto.edu/~kriz/cifar.html.
std::span<const RemoteArchive> official_archives();
// Throws kUsage, with a "did you mean", for a name that is none of them.
const RemoteArchive& official_archive(std::string_view name);

}  // namespace drift
