// Reads the golden files: safetensors (eight bytes of header length, a header in JSON, the bytes) of F32, F64, I32 and
// U8, as doubles.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/reference/array.h"

namespace drift::testing {

struct GoldenFile {
  std::map<std::string, reference::Array> tensors;
  std::map<std::string, std::string> metadata;

  // Throws kData for a name that is not there.
  const reference::Array& at(const std::string& name) const;
};

// A file of tests/golden/files; see scripts/make_golden.py.
GoldenFile read_golden(const std::string& name);

}  // namespace drift::testing
