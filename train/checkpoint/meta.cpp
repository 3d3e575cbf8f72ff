#include "train/checkpoint/meta.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/json_depth.h"

namespace drift {
namespace {

using Json = nlohmann::json;  // keeps keys sorted: the text is a function of the contents

constexpr const char* kFormat = "drift checkpoint";
constexpr int kVersion = 1;
constexpr int kDepthMax = 4;  // {contents: {files: {name: {}}}}

// {"checksum": of contents' compact text, "contents": ...}
std::string sealed(const Json& contents) {
  return Json{{"checksum", checksum_text(digest_of(contents.dump()))}, {"contents", contents}}.dump(2) + "\n";
}

}  // namespace

std::string checksum_text(const Digest& digest) {
  return fmt::format("{:016x}", digest.checksum);
}

std::string checkpoint_meta_text(const CheckpointContents& contents) {
  Json files = Json::object();
  for (const auto& [name, digest] : contents.files) {
    files[name] = {{"bytes", digest.bytes}, {"xxh3", checksum_text(digest)}};
  }
  try {
    Json json = {{"format", kFormat},
                 {"version", kVersion},
                 {"step", contents.meta.step},
                 {"workers", contents.meta.workers},
                 {"model", contents.meta.model},
                 {"config", contents.meta.config_toml},
                 {"files", files}};
    const CheckpointMeta& meta = contents.meta;
    if (meta.provisional) json["provisional"] = true;
    if (meta.steps_per_epoch != 0) json["steps_per_epoch"] = meta.steps_per_epoch;
    if (!meta.data.empty()) json["data"] = meta.data;
    if (!meta.conditions.empty()) json["conditions"] = meta.conditions;
    return sealed(json);
  } catch (const Json::exception& error) {
    DRIFT_FAIL(kCheckpoint, "meta.json cannot be written: config or model name is not UTF-8 ({})", error.what());
  }
}

CheckpointContents parse_checkpoint_meta(const std::filesystem::path& path, const std::string& text) {
  const std::string file = path.string();
  DRIFT_CHECK(kCheckpoint, json_depth(text) <= kDepthMax, "{}: damaged: it nests deeper than {} levels", file,
              kDepthMax);
  try {
    const Json json = Json::parse(text);
    const Json& contents = json.at("contents");
    const auto integer = [](const Json& object, const char* key) {
      return object.at(key).get_ref<const std::int64_t&>();
    };
    const std::string format = contents.at("format");
    DRIFT_CHECK(kCheckpoint, format == kFormat, "{}: format '{}', expected '{}'", file, format, kFormat);
    const std::int64_t version = integer(contents, "version");
    DRIFT_CHECK(kCheckpoint, version == kVersion, "{}: version {}, this program reads version {}", file, version,
                kVersion);

    CheckpointContents result;
    result.meta = {.step = integer(contents, "step"),
                   .workers = static_cast<int>(integer(contents, "workers")),
                   .config_toml = contents.at("config"),
                   .model = contents.at("model"),
                   .provisional = contents.value("provisional", false),
                   .steps_per_epoch = contents.value("steps_per_epoch", Step{0}),
                   .data = contents.value("data", ""),
                   .conditions = contents.value("conditions", std::map<std::string, std::string>())};
    for (const auto& [name, entry] : contents.at("files").items()) {
      const auto& checksum = entry.at("xxh3").get_ref<const std::string&>();
      Digest& digest = result.files[name];
      digest.bytes = static_cast<std::uint64_t>(integer(entry, "bytes"));
      std::from_chars(checksum.data(), checksum.data() + checksum.size(), digest.checksum, 16);
    }
    // The one form these contents have, checksum included: any other byte in the file is damage.
    DRIFT_CHECK(kCheckpoint, text == checkpoint_meta_text(result),
                "{}: damaged: its checksum is not that of its contents", file);
    return result;
  } catch (const Json::exception& error) {
    DRIFT_FAIL(kCheckpoint, "{}: damaged, or not a Drift checkpoint ({})", file, error.what());
  }
}

}  // namespace drift
