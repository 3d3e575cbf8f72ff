#include "tests/emulator/nccl/mailbox.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace drift::emulator::nccl {

namespace fs = std::filesystem;

void Mailbox::put(const std::string& name, const Header& header, const void* data, std::size_t bytes) const {
  const fs::path partial = folder_ / ("." + name);
  {
    std::ofstream file(partial, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&header), sizeof header);
    if (bytes > 0) file.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
    if (!file.flush()) throw std::runtime_error("the message " + partial.string() + " cannot be written");
  }
  fs::rename(partial, folder_ / name);
}

bool Mailbox::has(const std::string& name) const {
  std::error_code error;
  return fs::exists(folder_ / name, error);
}

Message Mailbox::get(const std::string& name) const {
  std::ifstream file(folder_ / name, std::ios::binary);
  Message message;
  file.read(reinterpret_cast<char*>(&message.header), sizeof message.header);
  if (!file) throw std::runtime_error("the message " + (folder_ / name).string() + " cannot be read");
  message.data.assign(std::istreambuf_iterator<char>(file), {});
  return message;
}

void Mailbox::remove(const std::string& name) const {
  std::error_code error;
  fs::remove(folder_ / name, error);
}

}  // namespace drift::emulator::nccl
