#include "apps/resume.h"

#include <algorithm>
#include <fmt/format.h>

#include "core/check.h"
#include "core/file_errors.h"
#include "core/log.h"
#include "core/text.h"
#include "train/checkpoint/mean_state.h"
#include "train/checkpoint/meta.h"
#include "train/conditions.h"
#include "train/config/paths.h"
#include "train/config/toml.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kAuto = "auto";

// What the checkpoint was written with takes the place of the defaults.
void go_on_from(FoundCheckpoint found, Request& request) {
  const std::string name = found.directory.string();
  const TrainConfig saved = config_from_toml(found.meta.config_toml, "config in " + name);
  request.resolved = resolve_resumed_config(saved, "checkpoint " + name, request.layers);
  if (request.is_branch()) request.changes = changed_options(saved, request.resolved.config);
  request.checkpoint = std::move(found);
}

// The newest checkpoint of the run, older than `before` if one is given, whose meta.json is sound; what is not is said.
std::optional<FoundCheckpoint> newest_sound(const fs::path& run, std::optional<Step> before) {
  std::string first;
  std::vector<fs::path> newest_first = checkpoints_in(run);
  std::ranges::reverse(newest_first);
  for (const fs::path& directory : newest_first) {
    try {
      FoundCheckpoint found = look_at_checkpoint(directory);
      if (!before || found.meta.step < *before) return found;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kCheckpoint) throw;
      if (!before) log_warning("passed over: {}", error.message());
      if (first.empty()) first = error.message();
    }
  }
  DRIFT_CHECK(kCheckpoint, first.empty() && !before,
              "{}: there are checkpoints, but none of them is sound, so the run neither goes on nor starts anew. {}",
              run.string(), first);
  return std::nullopt;
}

bool changes(const Request& request, std::string_view name) {
  return std::ranges::find(request.changes, name, &ChangedOption::name) != request.changes.end();
}

// A branch that communicates in another way begins as a round does, with replicas that are alike.
bool begins_alike(const Request& request) {
  return std::ranges::any_of(request.changes, [](const ChangedOption& changed) {
    return find_option(changed.name)->section == find_option("algo")->section;
  });
}

Checkpoint read_states(const Request& request, const Team& team) {
  const FoundCheckpoint& found = *request.checkpoint;
  if (!begins_alike(request)) return read_checkpoint(found.directory, team);
  Checkpoint start{found.meta, {}};
  start.meta.workers = team.workers;
  start.workers.assign(static_cast<std::size_t>(team.local_workers()), read_mean_state(found.directory));
  return start;
}

}  // namespace

Request resolve_request(std::vector<SettingLayer> layers, std::string command) {
  Request request{.layers = std::move(layers), .command = std::move(command)};
  request.resolved = resolve_config(request.layers);
  const FilesConfig files = request.resolved.config.files;
  DRIFT_CHECK(kUsage, files.change.empty() || !files.resume.empty(),
              "--change {}: of what? It makes a branch of a run: give --resume RUN or one of its checkpoints",
              files.change);
  if (files.resume == kAuto) {
    DRIFT_CHECK(kUsage, !files.out.empty(), "--resume auto needs --out DIR: the run that it starts or continues");
    DRIFT_CHECK(kUsage, files.change.empty(),
                "--resume auto continues the run in --out {}; a branch needs the run that it leaves: --resume RUN",
                files.out);
    request.takes_any = true;
    std::optional<FoundCheckpoint> found = newest_sound(files.out, std::nullopt);
    if (found) go_on_from(std::move(*found), request);
  } else if (!files.resume.empty()) {
    go_on_from(look_at_checkpoint(files.resume), request);
  }
  if (!request.checkpoint) {
    request.resolved.config.files.resume.clear();
    make_paths_absolute(request.resolved.config);
  }
  return request;
}

std::optional<Checkpoint> read_start(Request& request, const Membership& membership) {
  while (request.checkpoint) {
    std::optional<Checkpoint> start;
    std::string damage;
    try {
      start = read_states(request, membership.team);
    } catch (const Error& error) {
      if (!request.takes_any || error.kind() != ErrorKind::kCheckpoint) throw;
      damage = error.message();
    }
    if (!request.takes_any) return start;
    bool is_sound = true;
    for (const std::string& said : membership.control->gather("checkpoint", damage)) {
      if (said.empty()) continue;
      if (is_sound) log_warning("passed over: {}", said);
      is_sound = false;
    }
    if (is_sound) return start;
    const fs::path run = request.resolved.config.files.out;
    go_on_from(*newest_sound(run, request.checkpoint->meta.step), request);
  }
  return std::nullopt;
}

void check_data(const Request& request, const std::string& data) {
  if (!request.checkpoint) return;
  for (const char* name : {"data", "seed", "val-split"}) {
    if (changes(request, name)) return;
  }
  const std::string& expected = request.checkpoint->meta.data;
  DRIFT_CHECK(kData, expected.empty() || data == expected,
              "--data {} is not what the run was trained on: it has {}, the checkpoint {} names {}",
              request.resolved.config.data.spec, data, request.checkpoint->directory.string(), expected);
}

void check_conditions(const Request& request, const Trainer& trainer) {
  const Conditions now = trainer.conditions();
  const Conditions& before = request.checkpoint->meta.conditions;
  const auto device = before.find("device");
  if (device != before.end() && device->second != now.at("device")) {
    DRIFT_CHECK(
        kUsage, changes(request, "device"),
        "the run computed on {}, here it would on {}, with other bits: give --device {}, or go on in a run of its "
        "own with --change device --device {}",
        device->second, now.at("device"), device->second, now.at("device"));
    return;
  }
  const std::vector<std::string> texts = differences(before, now);
  if (!texts.empty()) {
    log_warning("the last bits may be others than without the interruption: {}", joined(texts, "; "));
  }
}

void begin_from(const Request& request, Checkpoint start, Trainer& trainer) {
  const Step before = start.meta.steps_per_epoch, now = trainer.schedule().steps_per_epoch;
  if (request.is_branch() && before != 0 && before != now) {
    const Step step = start.meta.step / before * now + start.meta.step % before * now / before;
    log_info("the branch begins at step {} of {} per epoch, which is step {} of {} in the run that it leaves", step,
             now, start.meta.step, before);
    start.meta.step = step;
  }
  trainer.restore(start);
}

Json describe_branch(const Request& request, const Trainer& trainer) {
  if (!request.is_branch()) return nullptr;
  const FoundCheckpoint& parent = *request.checkpoint;
  Json changes = Json::object();
  for (const ChangedOption& changed : request.changes) {
    const auto value = [](const std::optional<std::string>& text) { return text ? Json(*text) : Json(); };
    changes[changed.name] = {{"from", value(changed.before)}, {"to", value(changed.now)}};
  }
  const fs::path directory = with_file_errors(ErrorKind::kCheckpoint, [&] { return fs::absolute(parent.directory); });
  return {{"parent", directory.string()},
          {"parent_step", parent.meta.step},
          {"parent_checksum", checksum_text(parent.digest)},
          {"step", trainer.step()},
          {"replicas_alike", begins_alike(request)},
          {"changes", changes}};
}

}  // namespace drift
