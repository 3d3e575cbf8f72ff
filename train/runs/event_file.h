// EventFile: what TensorBoard reads. A file of records, each with its length and checksums (TFRecord); a record is an
// Event message of protocol buffers (tensorflow/core/util/event.proto), of which scalars, texts and the start of a
// session are written here.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "core/checked_file.h"
#include "core/step.h"

namespace drift {

struct Scalar {
  std::string_view tag;
  double value;
};

class EventFile {
 public:
  // A new file of its own name in `directory`, which is made where it is missing. seconds: of the clock on the wall, as
  // in all calls below. Throws kOutput.
  EventFile(const std::filesystem::path& directory, double seconds);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  // Events of these steps and later ones in older files of the directory are no part of the run any more.
  void begin_session(double seconds, Step step);
  void write(double seconds, Step step, std::span<const Scalar> scalars);
  void write_text(double seconds, std::string_view tag, std::string_view markdown);

 private:
  void record(std::string_view event);

  OutputFile file_;
};

// CRC-32C (Castagnoli), and TFRecord's mask of it.
std::uint32_t crc32c(std::string_view bytes);
std::uint32_t masked_crc(std::string_view bytes);

}  // namespace drift
