// MD5, which the publishers of data sets name their archives by: it tells a damaged file from a whole one, and no more.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

struct MD5Context;

namespace drift {

class RunningMd5 {
 public:
  RunningMd5();
  void add(std::span<const std::byte> bytes);
  // 32 digits, the sum of all that was added; nothing is added behind it.
  std::string digits();

 private:
  struct Free {
    void operator()(MD5Context* context) const;
  };
  std::unique_ptr<MD5Context, Free> context_;
};

// Of a whole file. Throws kData if it cannot be read.
std::string md5_of_file(const std::filesystem::path& path);

}  // namespace drift
