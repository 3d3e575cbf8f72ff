// A file of JSON objects, one per line. Each object is handed to the system whole, so a killed program leaves whole
// lines. Numbers read back to the same bits; what is not finite is written as null, because JSON has no NaN.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

namespace drift {

using Json = nlohmann::ordered_json;

class JsonLines {
 public:
  // Appends to `path`, which is made if it does not exist. Throws kOutput when it cannot be opened or written.
  explicit JsonLines(std::filesystem::path path);
  ~JsonLines();
  JsonLines(const JsonLines&) = delete;
  JsonLines& operator=(const JsonLines&) = delete;

  void write(const Json& object);

 private:
  std::filesystem::path path_;
  int file_ = -1;
};

// What a killed program left of a line at the end of the file, if there is one, goes: before one appends to it.
void cut_torn_line(const std::filesystem::path& path);

// The object that a file of at most 64 MiB is. Throws kData naming one that cannot be read, is none, or nests deeper
// than 16 levels.
Json read_json_object(const std::filesystem::path& path);

// Calls `take` with every whole line, in order, and its number, from 1; a torn last line (of a machine that went down,
// or of a program that is writing it) is left out. Throws kData naming a damaged one, one of more than 1 MiB or one
// that nests deeper than 8 levels.
void for_each_json_line(const std::filesystem::path& path, const std::function<void(Json&&, std::size_t)>& take);
std::vector<Json> read_json_lines(const std::filesystem::path& path);

}  // namespace drift
