// drift compare: trains the arms of a comparison, each in a process of its own, and says how they differ. All that it
// knows lies in its directory, so that the same command goes on after any interruption.
#include <algorithm>
#include <deque>
#include <filesystem>
#include <fmt/format.h>
#include <vector>

#include "analysis/compare/outcome.h"
#include "apps/children.h"
#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/output.h"
#include "apps/report_page.h"
#include "apps/signals.h"
#include "core/atomic_file.h"
#include "core/check.h"
#include "core/file_errors.h"
#include "core/log.h"
#include "core/regular_file.h"
#include "core/stopwatch.h"
#include "core/text.h"
#include "train/checkpoint/checkpoint.h"
#include "train/config/toml.h"
#include "train/runs/directory_lock.h"
#include "train/runs/progress.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

// Throws kUsage for a directory of something else.
void check_place(const fs::path& out) {
  if (is_comparison(out)) return;
  with_file_errors(ErrorKind::kUsage, [&] {
    for (const auto& entry : fs::directory_iterator(out)) {
      const std::string name = entry.path().filename().string();
      DRIFT_CHECK(kUsage, name == DirectoryLock::kFile,
                  "{} is not empty, and no directory of a comparison: there is {}. Give another --out", out.string(),
                  name);
    }
  });
}

// "local64-seed-1": one word for files beside the runs.
std::string word_of(const PlannedRun& run) {
  std::string word = run.directory.string();
  std::ranges::replace(word, '/', '-');
  return word;
}

bool has_checkpoints(const fs::path& run) {
  return with_file_errors(ErrorKind::kCheckpoint, [&] { return fs::exists(run) && !checkpoints_in(run).empty(); });
}

// That an arm diverges is a result; nothing branches from a first phase that did.
bool may_diverge(const PlannedRun& run) {
  return !run.arm.empty();
}

// Throws kUsage where an earlier call with other settings left a run.
bool is_finished(const PlannedRun& planned, const fs::path& directory) {
  if (!is_run(directory)) return false;
  const RunRecords run = read_run_without_records(directory);
  for (const ChangedOption& changed : changed_options(run.config, planned.config)) {
    DRIFT_CHECK(kUsage, find_option(changed.name)->on_resume == OnResume::kLastBits,
                "{} was trained with --{} {}, and the comparison says {} now: give another --out, or remove it",
                directory.string(), changed.name, changed.before.value_or("not set"), changed.now.value_or("not set"));
  }
  return run.status() == "finished" || (run.status() == "diverged" && may_diverge(planned));
}

// A branch of its first phase, by what is different.
std::vector<std::string> branch_words(const PlannedRun& run, const TrainConfig& parent, const fs::path& origin) {
  std::vector<std::string> values, names;
  const std::vector<ChangedOption> changed = changed_options(parent, run.config);
  for (const Option& option : options_of(Scope::kTrain)) {
    const std::optional<std::string> before = option.get(parent), now = option.get(run.config);
    const bool is_changed = std::ranges::find(changed, option.name, &ChangedOption::name) != changed.end();
    const bool is_free = option.on_resume == OnResume::kFree || option.on_resume == OnResume::kLastBits;
    if (before == now || !now || !(is_changed || is_free)) continue;
    if (option.kind == ValueKind::kSwitch) {
      values.push_back(*now == "true" ? "--" + option.name : "--no-" + option.name);
    } else {
      values.push_back(fmt::format("--{}={}", option.name, *now));
    }
    if (!is_free) names.push_back(option.name);
  }
  if (names.empty()) {  // of this arm the first phase goes on as it is
    names = {"seed"};
    values.push_back(fmt::format("--seed={}", run.config.seed));
  }
  std::vector<std::string> words = {"--resume", origin.string(), "--change", joined(names, ",")};
  words.insert(words.end(), values.begin(), values.end());
  return words;
}

class Comparer {
 public:
  Comparer(Comparison comparison, fs::path out, int jobs)
      : comparison_(std::move(comparison)), out_(std::move(out)), jobs_(jobs), runs_(planned_runs(comparison_)) {}

  // Returns the exit code of what went wrong first, or 0.
  int train() {
    for (const char* room : {"plan", "log"}) make_directories(out_ / room);
    write_file_atomically(out_ / kComparisonFile, describe(comparison_).dump(2) + "\n");
    find_what_is_left();
    log_info("{}: {} runs of {} arms{}, {} done; in {}", comparison_.name, runs_.size(), comparison_.arms.size(),
             comparison_.first_phase ? fmt::format(" and {} first phases", comparison_.starts) : "",
             runs_.size() - left_.size(), out_.string());
    while (!left_.empty() || !children_.empty()) {
      while (code_ == 0 && !stop_requested() && children_.size() < static_cast<std::size_t>(jobs_) && start_next()) {
      }
      if (children_.empty()) break;
      ended(children_.wait());
    }
    return stop_requested() && code_ == 0 ? exit_code(ErrorKind::kStopped) : code_;
  }

 private:
  void find_what_is_left() {
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      if (is_finished(runs_[i], out_ / runs_[i].directory)) {
        done_.push_back(runs_[i].directory);
      } else {
        left_.push_back(static_cast<int>(i));
      }
    }
  }

  // The first one whose first phase is there.
  bool start_next() {
    const auto next = std::ranges::find_if(left_, [&](int i) {
      const fs::path& parent = run(i).parent;
      return parent.empty() || comparison_.origin || std::ranges::find(done_, parent) != done_.end();
    });
    if (next == left_.end()) return false;
    const int i = *next;
    left_.erase(next);
    children_.start(i, words_for(run(i)), log_of(run(i)));
    return true;
  }

  std::vector<std::string> words_for(const PlannedRun& run) const {
    const fs::path directory = out_ / run.directory;
    std::vector<std::string> words = {"train", "--quiet"}, rest;
    if (has_checkpoints(directory)) {
      rest = {"--resume", directory.string()};
    } else if (run.parent.empty()) {
      const fs::path plan = out_ / "plan" / (word_of(run) + ".toml");
      write_file_atomically(plan, config_to_toml(run.config));
      rest = {"--recipe", plan.string(), "--out", directory.string()};
    } else {
      make_directories(directory.parent_path());
      rest = branch_words(run, parent_config(comparison_, run), comparison_.origin ? run.parent : out_ / run.parent);
      rest.insert(rest.end(), {"--out", directory.string()});
    }
    words.insert(words.end(), rest.begin(), rest.end());
    if (jobs_ > 1 && run.config.machine.threads == 0) {
      words.push_back(fmt::format("--threads={}", std::max(1, cpu_features().cores / jobs_)));
    }
    return words;
  }

  void ended(const Children::Ended& child) {
    const PlannedRun& planned = run(child.id);
    const std::string name = planned.directory.string();
    if (child.exit_code == exit_code(ErrorKind::kStopped)) return;
    if (child.exit_code != 0 && !(child.exit_code == exit_code(ErrorKind::kDiverged) && may_diverge(planned))) {
      if (code_ == 0) code_ = child.exit_code;
      log_warning("{} ended with exit code {}; {}:\n{}", name, child.exit_code, log_of(planned).string(),
                  last_lines(log_of(planned)));
      return;
    }
    done_.push_back(planned.directory);
    const ArmResult result = results_of({Arm{.name = name, .runs = {read_run(out_ / planned.directory)}}}).front();
    log_info("[{}/{}] {}: {}, {}{}", done_.size(), runs_.size(), name,
             result.accuracy.count == 0 ? "no evaluation" : percent_text(result.accuracy) + " %",
             duration_text(result.seconds), child.exit_code == 0 ? left_text() : ", diverged");
  }

  std::string left_text() const {
    const auto done = static_cast<double>(++finished_here_);
    const std::size_t left = left_.size() + children_.size();
    if (left == 0) return "";
    return fmt::format("; about {} left", duration_text(watch_.seconds() / done * static_cast<double>(left)));
  }

  std::string last_lines(const fs::path& log) const {
    constexpr std::size_t kBytesMost = 64 << 20, kShown = 600;
    std::string text = read_text(log, kBytesMost, ErrorKind::kData);
    if (text.size() > kShown) text.erase(0, text.find('\n', text.size() - kShown) + 1);
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }

  const PlannedRun& run(int i) const { return runs_[static_cast<std::size_t>(i)]; }
  fs::path log_of(const PlannedRun& run) const { return out_ / "log" / (word_of(run) + ".log"); }

  const Comparison comparison_;
  const fs::path out_;
  const int jobs_;
  const std::vector<PlannedRun> runs_;
  std::deque<int> left_;
  std::vector<fs::path> done_;
  Children children_;
  int code_ = 0;
  mutable int finished_here_ = 0;
  Stopwatch watch_;
};

// What there is so far, as files and on the terminal. Returns whether all that was expected was seen.
bool tell(const Comparison& comparison, const fs::path& out) {
  const std::vector<Arm> arms = arms_in(out);
  if (arms.empty()) return false;
  const std::vector<ArmResult> results = results_of(arms);
  const std::vector<Verdict> verdicts = judge(comparison.expectations, results);
  write_file_atomically(out / "summary.json", summary_json(comparison.name, results, verdicts).dump(2) + "\n");
  write_file_atomically(out / "summary.csv", summary_csv(arms));
  const fs::path page = write_report(arms, comparison.name, out / "report.html");
  print("{}", table_text(results));
  for (const Verdict& verdict : verdicts) print("{}\n", text_of(verdict));
  print("report {}\n", page.string());
  return std::ranges::all_of(verdicts, &Verdict::holds);
}

}  // namespace

int run_compare(int argc, char** argv) {
  install_stop_signals();
  CommandLine command_line(
      Scope::kTrain, "drift compare",
      "Trains the arms of a comparison and says how they differ: test accuracy with its 95 % interval over seeds, the "
      "difference to the first arm seed by seed, loss, rounds, bytes, time, as a table, summary.json, summary.csv and "
      "report.html. The recipe says which arms there are; flags are of all of them. The same command goes on where it "
      "was interrupted.",
      {"drift compare recipes/compare/quickstart.toml",
       "drift compare recipes/compare/fig1a.toml --data cifar10:DIR --out /shared/fig1a",
       "drift compare recipes/compare/quickstart.toml --jobs 2 --out runs/compared"});
  std::string recipe, origin;
  std::int64_t jobs = 1;
  command_line.add_required_value("RECIPE", "", &recipe, "what is compared: a TOML file, as those in recipes/compare");
  command_line.add_value("--from", "CHECKPOINT", &origin, "a run or checkpoint that arms branch from: no first phase");
  command_line.add_value("--jobs", "N", CommandLine::Integer{&jobs, {.min = 1, .max = 1024}},
                         "runs at a time, which share the cores [1]");
  if (!command_line.parse(argc, argv)) return 0;

  SettingLayer given = command_line.settings();
  fs::path out;
  std::erase_if(given.settings, [&](const Setting& setting) {
    if (setting.name == "out") out = setting.text;
    DRIFT_CHECK(kUsage, setting.name != "resume" && setting.name != "change" && setting.name != "name",
                "--{} is of single runs; the same `drift compare` goes on by itself", setting.name);
    return setting.name == "out";
  });
  const Comparison comparison = read_comparison(recipe, given, origin);
  if (out.empty()) out = fs::path("runs") / comparison.name;
  make_directories(out);
  const DirectoryLock lock(out);
  check_place(out);
  Comparer comparer(comparison, out, static_cast<int>(jobs));
  const int code = comparer.train();
  const bool as_expected = tell(comparison, out);
  if (code == exit_code(ErrorKind::kStopped)) {
    log_warning("stopped {}; the same command goes on: drift compare {} --out {}", stop_cause(), shell_quoted(recipe),
                shell_quoted(out.string()));
  }
  if (code != 0) return code;
  return as_expected ? 0 : exit_code(ErrorKind::kTolerance);
}

}  // namespace drift
