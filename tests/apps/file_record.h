// What a run did to the files below a folder, call by call, as file_faults.cpp records it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace drift::testing {

struct FileCall {
  std::string call;         // "nothing" where it failed
  std::string path, other;  // from the folder, "." for itself; other: where a rename leads
  long number = 0;          // offset, size or flags
  std::string bytes;        // written
};

std::vector<FileCall> read_file_record(const std::filesystem::path& record);

}  // namespace drift::testing
