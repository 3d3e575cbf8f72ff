// What a disk may hold when the power fails: of a file, what was waited for (fsync), and any part of what was not; of a
// folder, the names that were there when it was waited for, and any of the changes since then, each for itself. That is
// less than most file systems promise.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <random>
#include <span>

#include "tests/apps/file_record.h"

namespace drift::testing {

class Disk {
 public:
  Disk();
  ~Disk();

  void take(const FileCall& call);
  // Makes `folder`: what is found afterwards, one possibility of many.
  void fail(std::mt19937_64& random, const std::filesystem::path& folder) const;

 private:
  struct Node;
  std::shared_ptr<Node> root_;
};

}  // namespace drift::testing
