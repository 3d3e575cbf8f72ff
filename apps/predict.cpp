// drift predict: what steps will cost with any number of workers, any H and over any link, from a short measurement
// of a recipe's steps on this machine, or from a file with one.
#include <array>
#include <exception>
#include <filesystem>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

#include "analysis/predict/against.h"
#include "analysis/predict/link_probe.h"
#include "analysis/predict/predictions.h"
#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/measure_steps.h"
#include "apps/output.h"
#include "apps/setup_stop.h"
#include "apps/signals.h"
#include "apps/team.h"
#include "apps/transport.h"
#include "comm/launch.h"
#include "core/atomic_file.h"
#include "core/check.h"
#include "core/log.h"
#include "core/text.h"
#include "kernels/device.h"
#include "train/config/option_kinds.h"
#include "train/config/toml.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

constexpr int kMostProcesses = 4096;  // of which each sends to all others, in simulated time

struct Asked {
  TrainConfig config;
  std::string from, against, json;
  std::int64_t seconds = 60;
  bool links_given = false;
  PredictionQuestion question;
};

// Each word is a number, or several with commas between them.
template <class T>
std::vector<T> numbers_of(const char* flag, const std::vector<std::string>& words, const options::Range& range) {
  std::vector<T> numbers;
  for (const std::string& word : words) {
    for (const std::string_view one : options::split(word, ',')) {
      const std::optional<T> value = options::parse_value<T>(one, range);
      DRIFT_CHECK(kUsage, value, "{} takes numbers such as 1,4,16, each {}, found '{}'", flag, range.text("an integer"),
                  one);
      numbers.push_back(*value);
    }
  }
  return numbers;
}

PredictionQuestion question_of(const std::vector<std::string>& periods, const std::vector<std::string>& processes,
                               const std::vector<std::string>& links, const TrainConfig& config) {
  PredictionQuestion question = {
      .periods = numbers_of<Step>("--periods", periods, options::counted_from(1)),
      .processes = numbers_of<int>("--processes", processes, {.min = 1, .max = kMostProcesses}),
      .links = {},
      .way = way_of(config)};
  for (const std::string& text : links) {
    const std::optional<LinkOptions> link = parse_link(text);
    DRIFT_CHECK(kUsage, link, "--links takes rates and latencies such as 10Gbit,50us, found '{}'", text);
    question.links.push_back({.name = text, .link = *link});
  }
  return question;
}

// Nothing where help was asked for.
std::optional<Asked> parse(int argc, char** argv) {
  CommandLine command_line(
      Scope::kTrain, "drift predict",
      "Says what a step will cost, and from which H on more local steps no longer pay, for any number of processes, "
      "any H and any link between them. It measures a recipe's steps on this machine for up to a minute, and between "
      "several processes their link, or takes both from a file. Each process keeps as many workers as the recipe has "
      "for it. Flags of drift train apply: --bucket-mb, --overlap and --sync-momentum are also those of what is "
      "predicted.",
      {"drift launch -n 2 -- predict recipes/quickstart.toml --workers 2 --json measured.json",
       "drift predict --from measured.json --periods 1,4,16 --processes 2,8 --links 10Gbit,50us 1Gbit,50us",
       "drift predict --from measured.json --against runs/a"});
  std::string recipe;
  Asked asked;
  std::vector<std::string> periods, processes, links;
  command_line.add_value("RECIPE", "", &recipe, "settings from a TOML file; flags beat them");
  command_line.add_value("--from", "FILE", &asked.from,
                         "takes what --json wrote, or somebody by hand; measures nothing");
  command_line.add_value("--against", "RUN", &asked.against, "with --from: beside what the steps of this run took");
  command_line.add_values("--periods", "H", periods, "values of H [1,4,16,64]");
  command_line.add_values("--processes", "P", processes, "how many processes, each with its own link [2,8]");
  command_line.add_values("--links", "LINK", links, "10Gbit,50us ... [10Gbit,50us 1Gbit,50us, and what was measured]");
  command_line.add_value("--seconds", "S", CommandLine::Integer{&asked.seconds, options::counted_from(1)},
                         "measures no longer, once there is enough [60]");
  command_line.add_value("--json", "FILE", &asked.json, "also writes all of it, with what was measured");
  if (!command_line.parse(argc, argv)) return std::nullopt;
  DRIFT_CHECK(kUsage, asked.from.empty() || recipe.empty(), "of a recipe and --from drift predict takes one");
  DRIFT_CHECK(kUsage, asked.against.empty() || !asked.from.empty(),
              "--against compares a run with a prediction: give --from FILE, too, which a run of drift predict left");
  std::vector<SettingLayer> layers;
  if (!recipe.empty()) layers.push_back(read_recipe(recipe));
  layers.push_back(command_line.settings());
  asked.config = resolve_config(layers, Scope::kTrain).config;
  DRIFT_CHECK(kConfig, asked.config.sync.averages_at_once(),
              "drift predict knows averages of all parameters over all workers: leave out --fragments, "
              "--fragment-delay, --periods-by-level and --wire");
  if (periods.empty()) periods = {"1,4,16,64"};
  if (processes.empty()) processes = {"2,8"};
  asked.links_given = !links.empty();
  if (links.empty()) links = {"10Gbit,50us", "1Gbit,50us"};
  asked.question = question_of(periods, processes, links, asked.config);
  return asked;
}

// What is predicted from: the link between the processes, where they had one, and then the others.
PredictionQuestion with_measured_link(PredictionQuestion question, const StepMeasurement& measurement) {
  const LinkOptions& link = measurement.link;
  if (link.bytes_per_second == 0) return question;
  const std::string name =
      fmt::format("measured: {:.3g} Gbit/s, {:.1f} us", 8e-9 * link.bytes_per_second, 1e6 * link.latency_seconds);
  question.links.insert(question.links.begin(), {.name = name, .link = link});
  return question;
}

void answer(const Asked& asked, const StepMeasurement& measurement) {
  if (!asked.against.empty()) {
    const std::vector<NamedLink>& links = asked.question.links;
    print("{}", against_text(measurement, read_run(asked.against),
                             asked.links_given ? std::optional(links.front().link) : std::nullopt));
    return;
  }
  const PredictionQuestion question =
      asked.links_given ? asked.question : with_measured_link(asked.question, measurement);
  const Predictions predictions(measurement, question);
  print("{}", predictions.text());
  if (asked.json.empty()) return;
  write_file_atomically(asked.json, predictions.json().dump(1) + "\n");
}

// Where recordings lie while they are needed.
class Recordings {
 public:
  Recordings(const std::string& out, const Job& job) {
    if (job.process == 0) {
      own_ = out.empty() ? fs::temp_directory_path() / fmt::format("drift-predict-{}", ::getpid()) : fs::path(out);
      make_directories(own_);
      keep_ = !out.empty();
    }
    path_ = share_directory(job, own_);
  }
  ~Recordings() {
    if (!own_.empty() && !keep_) try_remove(own_);
  }
  Recordings(const Recordings&) = delete;
  Recordings& operator=(const Recordings&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path own_, path_;
  bool keep_ = false;
};

int measure_and_answer(const Asked& asked, const Job& job) {
  if (job.process != 0) set_log_level(LogLevel::kWarning);
  constexpr double kNoLink = 1e15;  // bytes per second
  LinkOptions link = {.bytes_per_second = kNoLink};
  if (job.processes > 1) {
    const std::string& given = asked.config.processes.link;
    link = given.empty() ? probe_link(*job.transport) : *parse_link(given);
  }
  const Recordings recordings(asked.config.files.out, job);
  log_info("measuring {} of {} workers in {} process{}", asked.config.model.name, asked.config.sync.workers,
           job.processes, job.processes == 1 ? "" : "es");
  const std::optional<StepMeasurement> measurement = measure_steps(
      asked.config, job, {.seconds = static_cast<double>(asked.seconds), .directory = recordings.path(), .link = link});
  if (measurement) answer(asked, *measurement);
  return 0;
}

}  // namespace

int run_predict(int argc, char** argv) {
  install_stop_signals();
  SetupStop setup;
  const Launch launch = detect_launch();
  std::optional<Asked> asked;
  const std::exception_ptr wrong = wrong_before_meeting(launch, [&] { asked = parse(argc, argv); });
  if (!asked && !wrong) return 0;
  if (asked && !asked->from.empty()) {
    if (launch.process == 0) answer(*asked, read_measurement(asked->from));
    return 0;
  }
  const ProcessesConfig processes = asked ? asked->config.processes : ProcessesConfig{};
  return meet_and_run(launch, processes, wrong, setup, [&](const Job& job) {
    DRIFT_CHECK(kConfig, choose_device(asked->config.machine.device).type == DeviceType::kCpu,
                "drift predict measures steps on a CPU: give --device cpu, or --from FILE with what is known of a GPU, "
                "as recipes/predict/resnet50-h200.json");
    const Job with = with_transport(job, asked->config, launch);
    setup.is_over();
    return measure_and_answer(*asked, with);
  });
}

}  // namespace drift
