#include "train/checkpoint/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/atomic_file.h"
#include "core/check.h"
#include "core/checked_file.h"
#include "core/file_errors.h"
#include "core/log.h"
#include "core/regular_file.h"
#include "core/text.h"
#include "train/checkpoint/meta.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMetaFile = "meta.json";
constexpr const char* kModelFile = "model.safetensors";

std::string worker_file(int worker) {
  return fmt::format("worker-{}.state", worker);
}
std::string step_name(Step step) {
  return fmt::format("step-{}", step);
}

// The step in "step-<n>"; nothing for any other name.
std::optional<Step> step_named(std::string_view name) {
  constexpr std::string_view kPrefix = "step-";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  Step step = 0;
  std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), step);
  return step >= 0 && step_name(step) == name ? std::optional(step) : std::nullopt;
}

std::optional<Step> step_of(const fs::path& directory) {
  return step_named(directory.filename().string());
}

// The step in ".step-<n>.replaced".
std::optional<Step> replaced_step_of(const fs::path& directory) {
  const std::string name = directory.filename().string();
  const std::string_view view = name;
  constexpr std::string_view kBehind = ".replaced";
  if (!view.starts_with('.') || !view.ends_with(kBehind)) return std::nullopt;
  return step_named(view.substr(1, view.size() - 1 - kBehind.size()));
}

std::vector<fs::path> entries_of(const fs::path& directory) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    entries.push_back(it->path());
  }
  DRIFT_CHECK_AS(kind_of(error, ErrorKind::kCheckpoint), !error, "{}: cannot be listed: {}", directory.string(),
                 error.message());
  return entries;
}

bool directory_exists(const fs::path& path) {
  std::error_code absent;
  return fs::is_directory(path, absent);
}

std::map<Step, fs::path> steps_in(const fs::path& ckpt_directory) {
  std::map<Step, fs::path> steps;
  for (const fs::path& entry : entries_of(ckpt_directory)) {
    if (const std::optional<Step> step = step_of(entry)) steps[*step] = entry;
    // Alone, after a crash between two renames, it is as good as it was.
    if (const std::optional<Step> step = replaced_step_of(entry)) steps.emplace(*step, entry);
  }
  return steps;
}

constexpr std::string_view kPartsOfRun[] = {"best", "ckpt"};

// Of both directories of a run, or of the one directory given.
std::multimap<Step, fs::path> steps_of_run(const fs::path& directory) {
  std::multimap<Step, fs::path> steps;
  bool is_run = false;
  for (const std::string_view name : kPartsOfRun) {
    if (!directory_exists(directory / name)) continue;
    steps.merge(steps_in(directory / name));
    is_run = true;
  }
  if (!is_run) steps.merge(steps_in(directory));
  return steps;
}

fs::path parent_of(const fs::path& directory) {
  return with_file_errors(ErrorKind::kCheckpoint, [&] { return fs::absolute(directory).parent_path(); });
}

void make_directory(const fs::path& directory) {
  if (!directory_exists(directory)) make_directories(directory);
}

// What writers and removals that were interrupted left behind.
void remove_leftovers(const fs::path& ckpt_directory) {
  for (const fs::path& entry : entries_of(ckpt_directory)) {
    const std::string name = entry.filename().string();
    if (name.starts_with(".step-") && is_aside(entry)) try_remove(entry);
    if (const std::optional<Step> step = replaced_step_of(entry)) {
      const fs::path place = checkpoint_directory(ckpt_directory, *step);
      std::error_code error;
      if (directory_exists(place)) {
        try_remove(entry);
      } else {
        fs::rename(entry, place, error);
      }
      if (error) log_warning("{}: cannot be put back to {}: {}", entry.string(), place.string(), error.message());
    }
  }
}

void remove_old(const fs::path& ckpt_directory, Step newest, int keep) {
  std::map<Step, fs::path> steps = steps_in(ckpt_directory);
  steps.erase(steps.upper_bound(newest), steps.end());
  for (auto oldest = steps.begin(); steps.size() > static_cast<std::size_t>(keep); oldest = steps.erase(oldest)) {
    // Renamed first: a removal that is interrupted leaves no half checkpoint under its name.
    const fs::path leftover = aside(oldest->second);
    std::error_code error;
    fs::rename(oldest->second, leftover, error);
    if (error) log_warning("{}: cannot be removed: {}", oldest->second.string(), error.message());
    if (!error) try_remove(leftover);
  }
}

using Digests = std::map<std::string, Digest>;  // by file

// What this process brings: the states of its workers and, if it is the first, the model. Durable when it returns.
Digests write_part(const fs::path& directory, const Checkpoint& checkpoint, const Team& team, const Model& model,
                   Backend& backend) {
  DRIFT_ASSERT(std::ssize(checkpoint.workers) == team.local_workers(), "{} workers, {} states", team.local_workers(),
               checkpoint.workers.size());
  Digests digests;
  for (int place = 0; place < team.local_workers(); ++place) {
    const int worker = team.first_worker() + place;
    const std::string name = worker_file(worker);
    const ReplicaState& state = checkpoint.workers[static_cast<std::size_t>(place)];
    digests[name] = write_replica_state(directory / name, worker, checkpoint.meta.step, state);
  }
  if (team.process == 0) {
    OutputFile weights(directory / kModelFile);
    write_weights(weights, model, backend);
    digests[kModelFile] = weights.finish();
  }
  for (const auto& [name, digest] : digests) make_durable(directory / name);
  return digests;
}

void write_meta(const fs::path& directory, const CheckpointContents& contents) {
  OutputFile file(directory / kMetaFile);
  file.write(checkpoint_meta_text(contents));
  file.finish();
  make_durable(directory / kMetaFile);
}

// What a process says of the files it wrote: a line for each.
std::string text_of(const Digests& digests) {
  std::string text;
  for (const auto& [name, digest] : digests) text += fmt::format("{} {} {}\n", name, digest.bytes, digest.checksum);
  return text;
}

void add(Digests& digests, const std::string& text) {
  std::istringstream in(text);
  std::string name;
  for (Digest digest; in >> name >> digest.bytes >> digest.checksum;) digests[name] = digest;
}

// The file's contents must be what meta.json says, however they read otherwise.
void check_digest(const InputFile& file, const Digest& expected) {
  const Digest found = file.digest();
  DRIFT_CHECK(kCheckpoint, found == expected, "{}: damaged: checksum {} of {} bytes, meta.json has {} of {}",
              file.path().string(), checksum_text(found), found.bytes, checksum_text(expected), expected.bytes);
}

void check_size(const InputFile& file, const Digest& expected) {
  DRIFT_CHECK(kCheckpoint, file.size() == expected.bytes, "{}: {}: {} bytes, meta.json has {}", file.path().string(),
              file.size() < expected.bytes ? "truncated" : "damaged", file.size(), expected.bytes);
}

void check_file(const fs::path& path, const Digest& expected) {
  InputFile file(path);
  check_size(file, expected);
  std::vector<std::byte> piece(1 << 20);
  while (file.remaining() > 0) {
    file.read(std::span(piece).first(std::min<std::uint64_t>(piece.size(), file.remaining())), "its contents");
  }
  check_digest(file, expected);
}

// With the digest of meta.json.
std::pair<CheckpointContents, Digest> read_contents(const fs::path& directory) {
  constexpr std::size_t kBytesMax = 64 << 20;  // some hundred for each worker
  const fs::path file = directory / kMetaFile;
  const std::string text = read_text(file, kBytesMax, ErrorKind::kCheckpoint);
  CheckpointContents contents = parse_checkpoint_meta(file, text);
  const CheckpointMeta& meta = contents.meta;
  DRIFT_CHECK(kCheckpoint, step_of(directory) == meta.step || !step_of(directory),
              "{}: holds step {}: the directory was renamed or meta.json is another's", file.string(), meta.step);
  for (int worker = 0; worker < meta.workers; ++worker) {
    DRIFT_CHECK(kCheckpoint, contents.files.contains(worker_file(worker)),
                "{}: does not list {}, yet there are {} workers", file.string(), worker_file(worker), meta.workers);
  }
  DRIFT_CHECK(kCheckpoint, contents.files.contains(kModelFile), "{}: does not list {}", file.string(), kModelFile);
  return {std::move(contents), digest_of(text)};
}

Checkpoint read_step(const fs::path& directory, const Team& team) {
  const CheckpointContents contents = read_contents(directory).first;
  if (team.process == 0) check_file(directory / kModelFile, contents.files.at(kModelFile));
  Checkpoint checkpoint{contents.meta, {}};
  for (int place = 0; place < team.local_workers(); ++place) {
    const int worker = team.first_worker() + place;
    const std::string name = worker_file(worker);
    InputFile file(directory / name);
    check_size(file, contents.files.at(name));
    checkpoint.workers.push_back(read_replica_state(file, worker, contents.meta.step));
    check_digest(file, contents.files.at(name));
  }
  return checkpoint;
}

// " The checkpoint before it is DIR ..." or nothing.
std::string older_checkpoint_hint(const fs::path& directory) {
  const std::optional<Step> step = step_of(directory);
  if (!step) return "";
  const fs::path parent = parent_of(directory);
  const bool in_run = std::ranges::find(kPartsOfRun, parent.filename()) != std::end(kPartsOfRun);
  const std::multimap<Step, fs::path> steps = steps_of_run(in_run ? parent.parent_path() : parent);
  const auto next = steps.lower_bound(*step);
  if (next == steps.begin()) return "";
  return fmt::format(" The checkpoint before it is {}: name it to continue from there.",
                     std::prev(next)->second.string());
}

// Names an older checkpoint beside what is wrong with this one.
template <class Read>
auto with_hint(const fs::path& directory, const Read& read) {
  try {
    return read();
  } catch (const Error& error) {
    DRIFT_FAIL(kCheckpoint, "{}.{}", error.message(), older_checkpoint_hint(directory));
  }
}

}  // namespace

fs::path checkpoint_directory(const fs::path& ckpt_directory, Step step) {
  return ckpt_directory / step_name(step);
}

fs::path write_checkpoint(const fs::path& ckpt_directory, const Checkpoint& checkpoint, const Membership& membership,
                          const Model& model, Backend& backend, int keep) {
  const Step step = checkpoint.meta.step;
  const Team& team = membership.team;
  Control& control = *membership.control;
  const bool first = team.process == 0;
  const fs::path directory = checkpoint_directory(ckpt_directory, step);
  const fs::path partial = aside(directory);
  if (team.processes > 1) {
    agree(control, "state at the checkpoint",
          fmt::format("step {}, model {}", step, fingerprint(model.parameters, backend)));
  }
  if (first) {
    make_directory(ckpt_directory);
    remove_leftovers(ckpt_directory);
    make_directory(partial);
  }
  try {
    control.gather("checkpoint directory", "");  // from now on it is there
    Digests digests;
    const std::string mine = text_of(write_part(partial, checkpoint, team, model, backend));
    for (const std::string& text : control.gather("files", mine)) add(digests, text);
    if (!first) return directory;
    DRIFT_ASSERT(std::ssize(digests) == team.workers + 1, "{} files of {} workers and a model", digests.size(),
                 team.workers);
    write_meta(partial, {checkpoint.meta, std::move(digests)});
  } catch (...) {
    std::error_code ignored;
    if (first) fs::remove_all(partial, ignored);  // on a full disk it would be in the way
    throw;
  }
  publish(directory);
  if (keep > 0) remove_old(ckpt_directory, step, keep);
  return directory;
}

void set_aside_later(const fs::path& ckpt_directory, Step step) {
  if (!directory_exists(ckpt_directory)) return;
  const std::map<Step, fs::path> steps = steps_in(ckpt_directory);
  std::vector<std::string> names;
  for (auto later = steps.upper_bound(step); later != steps.end(); ++later) {
    names.push_back(step_name(later->first) + ".superseded");
    std::error_code error;
    for (int number = 2; fs::exists(ckpt_directory / names.back(), error); ++number) {
      names.back() = fmt::format("{}.superseded-{}", step_name(later->first), number);
    }
    fs::rename(later->second, ckpt_directory / names.back(), error);
    DRIFT_CHECK(kCheckpoint, !error, "{}: cannot be renamed to {}: {}", later->second.string(), names.back(),
                error.message());
  }
  if (names.empty()) return;
  log_warning("{}: what lay beyond step {}, from which the run goes on, is now {}", ckpt_directory.string(), step,
              joined(names));
}

std::string fingerprint(const ParameterSet& model, Backend& backend) {
  RunningDigest digest;
  for (const std::span<float> arena : {model.values(), model.buffers()}) {
    const std::vector<float> host = downloaded(arena, backend);
    digest.add(std::as_bytes(std::span(host)));
  }
  return checksum_text(digest.value());
}

std::vector<fs::path> checkpoints_in(const fs::path& path) {
  if (!directory_exists(path)) return {};
  const fs::path directory = path.has_filename() ? path : path.parent_path();  // "step-5/" has none
  std::error_code absent;
  if (step_of(directory) || fs::exists(directory / kMetaFile, absent)) return {directory};
  std::vector<fs::path> paths;
  for (const auto& [step, place] : steps_of_run(directory)) paths.push_back(place);
  return paths;
}

fs::path find_checkpoint(const fs::path& path) {
  DRIFT_CHECK(kCheckpoint, directory_exists(path),
              "{}: no checkpoint there: expected a directory step-<n>, ckpt, best or a run's", path.string());
  const std::vector<fs::path> found = checkpoints_in(path);
  DRIFT_CHECK(kCheckpoint, !found.empty(), "{}: no checkpoint there: expected directories step-<n>",
              (directory_exists(path / "ckpt") ? path / "ckpt" : path).string());
  return found.back();
}

FoundCheckpoint look_at_checkpoint(const fs::path& path) {
  const fs::path directory = find_checkpoint(path);
  return with_hint(directory, [&] {
    auto [contents, digest] = read_contents(directory);
    return FoundCheckpoint{directory, std::move(contents.meta), digest};
  });
}

Checkpoint read_checkpoint(const fs::path& path, const Team& team) {
  const fs::path directory = find_checkpoint(path);
  return with_hint(directory, [&] { return read_step(directory, team); });
}

Checkpoint read_checkpoint(const fs::path& path) {
  const FoundCheckpoint found = look_at_checkpoint(path);
  return read_checkpoint(found.directory, {.workers = found.meta.workers});
}

fs::path sound_model_file(const FoundCheckpoint& checkpoint) {
  const fs::path file = checkpoint.directory / kModelFile;
  with_hint(checkpoint.directory,
            [&] { check_file(file, read_contents(checkpoint.directory).first.files.at(kModelFile)); });
  return file;
}

void check_fits(const Checkpoint& checkpoint, std::string_view model, const Team& team,
                const ParameterSet& parameters) {
  const CheckpointMeta& meta = checkpoint.meta;
  DRIFT_CHECK(kCheckpoint, meta.model == model, "the checkpoint is of model '{}', the run has '{}'", meta.model, model);
  DRIFT_CHECK(kCheckpoint, meta.workers == team.workers, "the checkpoint has {} workers, the run has {}", meta.workers,
              team.workers);
  const auto check_arena = [&](int worker, std::string_view name, std::size_t found, std::size_t wanted) {
    DRIFT_CHECK(kCheckpoint, found == wanted, "worker {} of the checkpoint has {} floats of {}, the model has {}",
                worker, found, name, wanted);
  };
  int worker = team.first_worker();
  for (const ReplicaState& state : checkpoint.workers) {
    check_arena(worker, "values", state.values.size(), parameters.values().size());
    check_arena(worker, "momentum", state.momentum.size(), parameters.momentum().size());
    check_arena(worker, "buffers", state.buffers.size(), parameters.buffers().size());
    const auto check_if_there = [&](std::string_view name, const std::vector<float>& arena) {
      check_arena(worker, name, arena.size(), arena.empty() ? 0 : parameters.values().size());
    };
    check_if_there("the round's start", state.round_start);
    check_if_there("outer momentum", state.outer_momentum);
    check_if_there("a delayed average", state.delayed);
    check_if_there("what rounding left out", state.wire_error);
    ++worker;
  }
}

}  // namespace drift
