// The profile of a run: its ledger, its trace and what differs from itself.
#include "analysis/ledger/difference.h"
#include "analysis/ledger/kernels_text.h"
#include "analysis/ledger/ledger_text.h"
#include "analysis/ledger/trace.h"
#include "tests/fuzz/target.h"
#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"

using namespace drift;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const testing::TempDirectory directory;
  const std::filesystem::path file = profile_path(directory.path(), 0);
  std::filesystem::create_directory(file.parent_path());
  testing::set_file_text(file, std::string(testing::text_of(data, size)));
  Profile profile;
  if (!testing::is_read(ErrorKind::kData, [&] { profile = read_profile(directory.path()); })) return 0;
  std::string text =
      ledger_text(profile, "run") + layers_text(profile) + kernels_text(profile) + ledger_json(profile).dump();
  write_trace(profile, [&](std::string_view piece) { text += piece; });
  testing::is_read(ErrorKind::kUsage, [&] { text += difference_text({&profile, 1}, "a", {&profile, 1}, "b"); });
  return 0;
}
