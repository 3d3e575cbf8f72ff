#include "kernels/cuda/cudnn/plan_file.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <unistd.h>

#include "core/check.h"
#include "core/checked_file.h"
#include "core/file_errors.h"
#include "core/json_depth.h"
#include "core/regular_file.h"

namespace drift {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr std::size_t kBytesMax = 64 << 20;
constexpr int kDepthMax = 3;  // {plans: {key: {}}}

void check_header(const std::filesystem::path& file, const Json& json, const std::string& device) {
  DRIFT_CHECK(kConfig, json.value("format", 0) == kFormat, "{}: plan file format {} is not {}", file.string(),
              json.value("format", 0), kFormat);
  const std::string version = json.value("cudnn", "unknown");
  DRIFT_CHECK(kConfig, version == cudnn_version(),
              "{}: made with cuDNN {}, this is cuDNN {}; its engines need not exist here. Use another --plan-file",
              file.string(), version, cudnn_version());
  const std::string made_for = json.value("device", "unknown");
  DRIFT_CHECK(kConfig, made_for == device, "{}: made for {}, this is {}. Use another --plan-file", file.string(),
              made_for, device);
}

}  // namespace

PlanEntries read_plan_file(const std::filesystem::path& file, const std::string& device) {
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  const bool has_folder = with_file_errors(ErrorKind::kConfig, [&] { return std::filesystem::is_directory(folder); });
  DRIFT_CHECK(kConfig, has_folder, "plan file {}: there is no folder {}", file.string(), folder.string());
  PlanEntries entries;
  const std::optional<std::string> text = text_if_there(file, kBytesMax, ErrorKind::kConfig);
  if (!text) return entries;
  DRIFT_CHECK(kConfig, json_depth(*text) <= kDepthMax, "{}: not a plan file (it nests deeper than {} levels)",
              file.string(), kDepthMax);
  try {
    const Json json = Json::parse(*text);
    check_header(file, json, device);
    for (const auto& [key, entry] : json.at("plans").items()) {
      entries[key] = {.engine = entry.at("engine").get<std::string>(),
                      .workspace_bytes = entry.at("workspace_bytes").get<std::int64_t>(),
                      .notes = entry.at("notes").get<std::string>()};
    }
  } catch (const Json::exception& error) {
    DRIFT_FAIL(kConfig, "{}: not a plan file ({})", file.string(), error.what());
  }
  return entries;
}

void write_plan_file(const std::filesystem::path& file, const std::string& device, const PlanEntries& entries) {
  Json plans = Json::object();
  for (const auto& [key, info] : entries) {
    plans[key] = {{"engine", info.engine}, {"workspace_bytes", info.workspace_bytes}, {"notes", info.notes}};
  }
  const Json json{{"format", kFormat}, {"cudnn", cudnn_version()}, {"device", device}, {"plans", plans}};
  std::filesystem::path aside = file;
  aside += fmt::format(".{}", getpid());  // ranks may write the same file
  OutputFile written(aside);
  written.write(json.dump(2) + "\n");
  written.finish();
  with_file_errors(ErrorKind::kConfig, [&] { std::filesystem::rename(aside, file); });
}

}  // namespace drift
