// Where the ranks of a communicator leave messages for each other: files in a folder of memory, so that ranks may be
// threads or processes. A file is there as a whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace drift::emulator::nccl {

// What a rank asked for, as the other side compares it.
struct Header {
  int kind = 0;  // of the call
  int type = 0;  // ncclDataType_t
  int op = 0;    // ncclRedOp_t of a reduction
  std::size_t count = 0;
  bool registered = false;  // the memory is
  std::size_t offset = 0;   // in it, of a reduction

  bool operator==(const Header&) const = default;
};

struct Message {
  Header header;
  std::vector<char> data;
};

class Mailbox {
 public:
  explicit Mailbox(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path& folder() const { return folder_; }
  void put(const std::string& name, const Header& header, const void* data = nullptr, std::size_t bytes = 0) const;
  bool has(const std::string& name) const;
  Message get(const std::string& name) const;
  void remove(const std::string& name) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace drift::emulator::nccl
