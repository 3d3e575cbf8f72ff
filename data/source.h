// Source: index -> encoded bytes and label, immutable and safe to read from many threads.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace drift {

class RunningDigest;

class Source {
 public:
  virtual ~Source() = default;

  virtual std::int64_t size() const = 0;
  virtual std::span<const std::string> class_names() const = 0;
  virtual std::int32_t label(std::int64_t index) const = 0;
  virtual std::string name(std::int64_t index) const = 0;   // in the source: "cat/7.jpg"
  virtual std::string place(std::int64_t index) const = 0;  // where somebody finds it, for errors
  // The image as it is stored, a JPEG or PNG file: in `memory`, or wherever else it lies as long as the source does.
  // Throws kData, naming it, if it cannot be read.
  virtual std::span<const std::uint8_t> read(std::int64_t index, std::string& memory) const = 0;
  // Adds what sources that are not equal differ in, and reads no image for it.
  virtual void identify(RunningDigest& digest) const = 0;
};

}  // namespace drift
