#include "tests/apps/power_loss.h"

#include <algorithm>
#include <fcntl.h>
#include <fstream>
#include <map>
#include <set>
#include <stdio.h>
#include <string>
#include <utility>

#include "core/check.h"

namespace drift::testing {

namespace fs = std::filesystem;

struct Disk::Node {
  using Names = std::map<std::string, std::shared_ptr<Node>>;
  bool is_folder = false;
  std::string bytes, durable_bytes;
  Names names, durable_names;

  // The folder that a path lies in, and its name there.
  std::pair<Node*, std::string> find(const fs::path& path) {
    Node* folder = this;
    for (const fs::path& part : path.parent_path()) {
      const auto found = folder->names.find(part.string());
      DRIFT_ASSERT(found != folder->names.end(), "the record has no beginning of {}", path.string());
      folder = found->second.get();
    }
    return {folder, path.filename().string()};
  }
  void write(std::size_t offset, const std::string& text) {
    if (bytes.size() < offset + text.size()) bytes.resize(offset + text.size());
    std::ranges::copy(text, bytes.begin() + static_cast<std::ptrdiff_t>(offset));
  }

  // What is found of a file.
  std::string remains(std::mt19937_64& random) const {
    const bool only_grew = bytes.starts_with(durable_bytes);
    const std::size_t least = only_grew ? durable_bytes.size() : 0;
    std::string found = bytes;
    const std::size_t sound = least + random() % (bytes.size() - least + 1);
    switch (random() % 4) {
      case 0:
        return durable_bytes;
      case 1:
        found.resize(sound);
        break;
      case 2:  // its length came to the disk before its bytes
        std::fill(found.begin() + static_cast<std::ptrdiff_t>(sound), found.end(), '\0');
        break;
      default:
        break;
    }
    return found;
  }
  void leave(std::mt19937_64& random, const fs::path& path) const {
    if (!is_folder) {
      std::ofstream(path, std::ios::binary) << remains(random);
      return;
    }
    fs::create_directory(path);
    std::set<std::string> all;
    for (const Names* some : {&names, &durable_names}) {
      for (const auto& [name, node] : *some) all.insert(name);
    }
    for (const std::string& name : all) {
      const Names& from = random() % 2 == 0 ? names : durable_names;
      if (const auto found = from.find(name); found != from.end()) found->second->leave(random, path / name);
    }
  }
};

Disk::Disk() : root_(std::make_shared<Node>()) {
  root_->is_folder = true;
}
Disk::~Disk() = default;

void Disk::take(const FileCall& call) {
  const auto is = [&](const char* name) { return call.call == name; };
  if (is("nothing") || is("read") || is("stat") || is("fstat") || is("close")) return;
  if (is("fsync") && call.path == ".") {
    root_->durable_names = root_->names;
    return;
  }
  const auto [folder, name] = root_->find(call.path);
  const auto place = folder->names.find(name);
  if (is("mkdir")) {
    folder->names[name] = std::make_shared<Node>();
    folder->names[name]->is_folder = true;
  } else if (is("open") || is("openat")) {
    if (place == folder->names.end() && (call.number & O_CREAT) != 0) folder->names[name] = std::make_shared<Node>();
    if ((call.number & O_TRUNC) != 0) folder->names[name]->bytes.clear();
  } else if (is("rename")) {
    const auto [to, new_name] = root_->find(call.other);
    std::shared_ptr<Node> moved = place->second;
    if (call.number == RENAME_EXCHANGE) {
      std::swap(folder->names[name], to->names[new_name]);
    } else {
      folder->names.erase(place);
      to->names[new_name] = std::move(moved);
    }
  } else if (is("remove")) {
    folder->names.erase(name);
  } else if (is("write") || is("pwrite")) {
    if (place != folder->names.end()) place->second->write(static_cast<std::size_t>(call.number), call.bytes);
  } else if (is("ftruncate")) {
    place->second->bytes.resize(static_cast<std::size_t>(call.number));
  } else if (is("fsync")) {
    place->second->durable_bytes = place->second->bytes;
    place->second->durable_names = place->second->names;
  } else {
    DRIFT_FAIL(kInternal, "nobody says what {} does to a disk", call.call);
  }
}

void Disk::fail(std::mt19937_64& random, const fs::path& folder) const {
  root_->leave(random, folder);
}

}  // namespace drift::testing
