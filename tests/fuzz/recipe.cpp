// A recipe, or the config of a run. What is taken says the same when it is written and taken again.
#include "tests/fuzz/target.h"
#include "train/config/toml.h"

using namespace drift;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = testing::text_of(data, size);
  testing::is_read(ErrorKind::kConfig, [&] {
    const std::string written = config_to_toml(config_from_toml(text));
    std::string again;
    const bool taken = testing::is_read(ErrorKind::kConfig, [&] { again = config_to_toml(config_from_toml(written)); });
    DRIFT_ASSERT(taken && again == written, "{}becomes\n{}", written, again);
  });
  return 0;
}
