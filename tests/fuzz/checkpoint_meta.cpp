// A checkpoint's meta.json, as it is and with the checksum that its contents should have: what a program could write.
#include <nlohmann/json.hpp>
#include <string>

#include "core/json_depth.h"
#include "tests/fuzz/target.h"
#include "tests/support/temp_directory.h"
#include "train/checkpoint/meta.h"
#include "train/config/toml.h"

using namespace drift;

namespace {

using Json = nlohmann::json;

// As it is where there is nothing to be sealed.
std::string sealed(std::string_view text) {
  const Json json = json_depth(text) > 100 ? Json() : Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("contents")) return std::string(text);
  const std::string contents = json["contents"].dump();
  return Json{{"checksum", checksum_text(digest_of(contents))}, {"contents", json["contents"]}}.dump(2) + "\n";
}

void resume(const std::filesystem::path& directory) {
  const FoundCheckpoint found = look_at_checkpoint(directory);
  testing::is_read(ErrorKind::kConfig, [&] { config_from_toml(found.meta.config_toml); });
  testing::is_read(ErrorKind::kCheckpoint, [&] { read_checkpoint(found.directory); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static testing::MemoryFile file;
  static const testing::TempDirectory directory;  // of a checkpoint that has nothing else
  [[maybe_unused]] static const bool linked =
      (std::filesystem::create_symlink(file.path(), directory / "meta.json"), true);
  const std::string_view text = testing::text_of(data, size);
  for (const std::string& form : {std::string(text), sealed(text)}) {
    file.hold(form);
    testing::is_read(ErrorKind::kCheckpoint, [&] { resume(directory.path()); });
  }
  return 0;
}
