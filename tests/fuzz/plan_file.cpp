// A plan file, as --plan-file takes it.
#include "kernels/cuda/cudnn/plan_file.h"

#include "tests/fuzz/target.h"

using namespace drift;

std::string drift::cudnn_version() {
  return "9.1.0";
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static testing::MemoryFile file;
  file.hold(testing::text_of(data, size));
  testing::is_read(ErrorKind::kConfig, [&] { read_plan_file(file.path(), "NVIDIA H100, sm_90"); });
  return 0;
}
