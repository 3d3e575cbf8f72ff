#include "analysis/ledger/ledger_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <utility>
#include <vector>

#include "analysis/ledger/kernels_text.h"
#include "core/text_table.h"

namespace drift {
namespace {

using Row = std::vector<std::string>;

constexpr std::array<Step, 4> kPeriods = {1, 4, 16, 64};
constexpr std::array kParts = {"upload", "forward", "backward", "update", "other"};

std::string number_text(double value, int digits) {
  if (std::isnan(value)) return "-";
  const std::string text = fmt::format("{:.{}f}", value, digits);
  const bool is_nothing = text.find_first_not_of("-0.") == std::string::npos;
  return is_nothing && text.front() == '-' ? text.substr(1) : text;
}

std::string ms_text(double seconds, int digits = 2) {
  return number_text(1e3 * seconds, digits);
}

// The kinds that were recorded.
std::vector<Sync> kinds_of(const Ledger& ledger) {
  std::vector<Sync> kinds;
  std::ranges::copy_if(kStepKinds, std::back_inserter(kinds), [&](Sync kind) { return ledger.has(kind); });
  return kinds;
}

// A step with an average less a local one, which has none: that of a round where there is one.
std::optional<Sync> with_average(const Ledger& ledger) {
  if (!ledger.has(Sync::kNone)) return std::nullopt;
  for (const Sync kind : {Sync::kParameters, Sync::kGradients}) {
    if (ledger.has(kind)) return kind;
  }
  return std::nullopt;
}

void add_headings(const Ledger& ledger, Row& row) {
  for (const Sync kind : kinds_of(ledger)) row.push_back(title_of(kind));
  if (const auto kind = with_average(ledger)) row.push_back(title_of(*kind) + " - local");
}

void add_times(const Ledger& ledger, const ByKind& amount, int digits, Row& row) {
  for (const Sync kind : kinds_of(ledger)) row.push_back(ms_text(amount.at(kind), digits));
  if (const auto kind = with_average(ledger)) {
    const double more = amount.at(*kind) - amount.at(Sync::kNone);
    row.push_back(fmt::format("{:+.{}f}", 1e3 * more, digits));
  }
}

std::string columns_of(std::size_t left, std::size_t all) {
  std::string columns(all, '>');
  std::fill_n(columns.begin(), left, '<');
  return columns;
}

// With a lane for each worker nobody waits for one.
std::string steps_table(const Ledger& ledger) {
  std::vector<Row> rows = {{"ms of a step"}};
  add_headings(ledger, rows.front());
  const auto add = [&](const std::string& name, const ByKind& amount, double least = 0) {
    if (amount.most() < least) return;
    rows.push_back({name});
    add_times(ledger, amount, 2, rows.back());
  };
  for (const char* const part : kParts)
    add(part == std::string("other") ? "other operations" : part, ledger.part(part));
  add("waiting for the batch", ledger.batch);
  add("waiting for a lane", ledger.lane, 2e-5);
  add("average: waiting for other workers", ledger.skew);
  add("average: moving and adding up", ledger.moving);
  add("between operations", ledger.gaps);
  add("all", ledger.step);
  return text_table(rows, columns_of(1, rows.front().size()));
}

// The shortest time that the rates allow. Of less than a microsecond it says nothing.
std::string operations_table(const Ledger& ledger) {
  std::vector<Row> rows = {{"part", "operation", "calls"}};
  add_headings(ledger, rows.front());
  rows.front().insert(rows.front().end(), {"floor", "x floor"});
  for (const LedgerRow& row : ledger.rows) {
    if (row.seconds.most() < 5e-6) continue;
    rows.push_back({row.part, row.name, number_text(row.calls.most(), 0)});
    add_times(ledger, row.seconds, 3, rows.back());
    const double floor = row.floor.most();
    rows.back().push_back(ms_text(floor, 3));
    rows.back().push_back(floor > 1e-6 ? number_text(row.seconds.most() / floor, 1) : "-");
  }
  return text_table(rows, columns_of(2, rows.front().size()));
}

// Means in the background have no sums of the worker's own.
// What a GPU does on another stream meanwhile is not recorded.
std::string averages_table(const Ledger& ledger, bool on_cpu) {
  std::vector<Row> rows = {
      {"averages, ms", "MB sent", "waited for", "other workers", "moving", "own sums", "behind backward"}};
  for (const Sync kind : kinds_of(ledger)) {
    if (kind == Sync::kNone || ledger.exposed.at(kind) + ledger.hidden.at(kind) == 0) continue;
    rows.push_back({title_of(kind), number_text(1e-6 * ledger.bytes.at(kind), 3), ms_text(ledger.exposed.at(kind)),
                    ms_text(ledger.skew.at(kind)), ms_text(ledger.moving.at(kind)), ms_text(ledger.sums.at(kind)),
                    on_cpu ? ms_text(ledger.hidden.at(kind)) : "-"});
  }
  return rows.size() == 1 ? "" : text_table(rows, "<>>>>>>");
}

// The slowest first, and no more than one looks at.
std::string workers_table(const Ledger& ledger) {
  constexpr std::size_t kMost = 16;
  const Sync average = ledger.has(Sync::kParameters) ? Sync::kParameters : Sync::kGradients;
  if (ledger.workers.size() < 2 || !ledger.has(average)) return "";
  const Sync step = ledger.has(Sync::kNone) ? Sync::kNone : average;
  std::vector<LedgerWorker> workers = ledger.workers;
  std::ranges::stable_sort(workers, std::ranges::greater(),
                           [&](const LedgerWorker& one) { return one.computing.at(step); });
  std::vector<Row> rows = {{"workers, ms", "computing, " + title_of(step), "waiting for others, " + title_of(average)}};
  for (const LedgerWorker& one : std::span(workers).first(std::min(workers.size(), kMost))) {
    rows.push_back(
        {fmt::format("worker {}", one.worker), ms_text(one.computing.at(step)), ms_text(one.skew.at(average))});
  }
  return text_table(rows, "<>>");
}

// What rounds of H steps cost, and synchronous ones.
std::string periods_table(const Ledger& ledger) {
  std::vector<Row> rows = {{"", "ms per step", "us per image", "images/s", "of local speed"}};
  const double local = ledger.step.at(Sync::kNone);
  const auto add = [&](const std::string& name, double seconds) {
    if (std::isnan(seconds)) return;
    rows.push_back({name, ms_text(seconds), number_text(1e6 * seconds / ledger.samples, 1),
                    number_text(ledger.samples / seconds, 0),
                    std::isnan(local) ? "-" : number_text(100 * local / seconds, 1) + " %"});
  };
  add("parallel SGD", ledger.step.at(Sync::kGradients));
  for (const Step period : kPeriods) add(fmt::format("H = {}", period), ledger.seconds_at(period));
  return text_table(rows, "<>>>>");
}

std::string rates_text(const MachineRates& rates) {
  std::string text;
  for (const MachineRates::Bandwidth& rate : rates.memory) {
    text += fmt::format("{}{:.0f} GB/s over {:.1f} MB", text.empty() ? "" : ", ", 1e-9 * rate.per_second,
                        1e-6 * static_cast<double>(rate.bytes));
  }
  return fmt::format("floor: {}; {:.0f} GFLOP/s\nbelow 1: in Winograd's form, which makes do with fewer products\n",
                     text, 2e-9 * rates.multiply_adds);
}

std::string head_text(const Profile& profile, const Ledger& ledger, const std::string& name) {
  const ProfileSession& run = profile.latest();
  const std::string threads =
      fmt::format("{} thread{} for each worker", run.worker_threads, run.worker_threads == 1 ? "" : "s");
  std::string text =
      fmt::format("{}: {}, {} x {} images, {} process{}, {}\n", name, run.model, run.workers, run.local_batch,
                  run.processes, run.processes == 1 ? "" : "es", run.on_cpu() ? threads : run.device);
  std::string steps;
  for (const Sync kind : kinds_of(ledger)) {
    steps += fmt::format("{}{} {}", steps.empty() ? "" : ", ", ledger.steps[column_of(kind)], title_of(kind));
  }
  return text + fmt::format("steps of workers: {}; means of the middle half by time\n",
                            steps.empty() ? "none was recorded" : steps);
}

Json json_of(const Ledger& ledger, const ByKind& amount) {
  Json all = Json::object();
  for (const Sync kind : kinds_of(ledger)) {
    all[title_of(kind)] = {{"mean", amount.at(kind)}, {"noise", amount.noise[column_of(kind)]}};
  }
  return all;
}

Json workers_json(const Ledger& ledger) {
  Json workers = Json::array();
  for (const LedgerWorker& one : ledger.workers) {
    workers.push_back(
        {{"worker", one.worker}, {"computing", json_of(ledger, one.computing)}, {"skew", json_of(ledger, one.skew)}});
  }
  return workers;
}

Json rows_json(const Ledger& ledger, const char* name) {
  Json rows = Json::array();
  for (const LedgerRow& row : ledger.rows) {
    rows.push_back({{"part", row.part},
                    {name, row.name},
                    {"calls", json_of(ledger, row.calls)},
                    {"seconds", json_of(ledger, row.seconds)},
                    {"floor", json_of(ledger, row.floor)}});
  }
  return rows;
}

}  // namespace

std::string ledger_text(const Profile& profile, const std::string& name) {
  const Ledger ledger = make_ledger(profile);
  std::string text = head_text(profile, ledger, name);
  if (kinds_of(ledger).empty()) {
    return text +
           "the first step of each kind in a session is left out; a longer run, or --profile-every 1, has more\n";
  }
  const std::string operations = operations_table(ledger) + rates_text(profile.latest().rates);
  for (const std::string& part : {steps_table(ledger), operations, averages_table(ledger, profile.latest().on_cpu()),
                                  workers_table(ledger), periods_table(ledger)}) {
    if (!part.empty()) text.append("\n").append(part);
  }
  return text;
}

std::string layers_text(const Profile& profile) {
  const Ledger ledger = make_ledger(profile, LedgerRows::kLayers);
  const auto most = std::ranges::max_element(ledger.steps);
  if (*most == 0) return "no step was recorded behind the first of its kind\n";
  const Sync kind = kStepKinds[static_cast<std::size_t>(most - ledger.steps.begin())];
  struct Layer {
    std::string name;
    double forward = 0, backward = 0, floor = 0;
  };
  std::vector<Layer> layers;  // in the order of forward
  for (const ProfiledOp& op : profile.ops) {
    if (op.part != "forward" || op.layer.empty() || std::ranges::find(layers, op.layer, &Layer::name) != layers.end())
      continue;
    layers.push_back({.name = op.layer});
  }
  double all = 0;
  for (const LedgerRow& row : ledger.rows) {
    const auto layer = std::ranges::find(layers, row.name, &Layer::name);
    if (layer == layers.end()) continue;
    if (row.part == "forward") layer->forward += row.seconds.at(kind);
    if (row.part == "backward") layer->backward += row.seconds.at(kind);
    if (row.part == "forward" || row.part == "backward") layer->floor += row.floor.at(kind);
    all += row.seconds.at(kind);
  }
  std::vector<Row> rows = {{"layer", "forward ms", "backward ms", "%", "floor", "x floor"}};
  for (const Layer& layer : layers) {
    const double time = layer.forward + layer.backward;
    rows.push_back({layer.name, ms_text(layer.forward, 3), ms_text(layer.backward, 3), number_text(100 * time / all, 1),
                    ms_text(layer.floor, 3), layer.floor > 1e-6 ? number_text(time / layer.floor, 1) : "-"});
  }
  return fmt::format("of a {} step:\n{}", title_of(kind), text_table(rows, "<>>>>>"));
}

Json ledger_json(const Profile& profile) {
  const Ledger ledger = make_ledger(profile);
  const ProfileSession& run = profile.latest();
  Json steps = Json::object(), periods = Json::array();
  for (const Sync kind : kinds_of(ledger)) steps[title_of(kind)] = ledger.steps[column_of(kind)];
  for (const Step period : kPeriods) {
    const double seconds = ledger.seconds_at(period);
    if (!std::isnan(seconds))
      periods.push_back({{"H", period}, {"step", seconds}, {"sample", seconds / ledger.samples}});
  }
  Json amounts = Json::object();
  for (const auto& [name, amount] : std::vector<std::pair<const char*, const ByKind*>>{{"step", &ledger.step},
                                                                                       {"batch", &ledger.batch},
                                                                                       {"lane", &ledger.lane},
                                                                                       {"skew", &ledger.skew},
                                                                                       {"moving", &ledger.moving},
                                                                                       {"exposed", &ledger.exposed},
                                                                                       {"hidden", &ledger.hidden},
                                                                                       {"sums", &ledger.sums},
                                                                                       {"gaps", &ledger.gaps}}) {
    amounts[name] = json_of(ledger, *amount);
  }
  return {{"model", run.model},
          {"workers", run.workers},
          {"local_batch", run.local_batch},
          {"processes", run.processes},
          {"bytes_per_s", memory_json(run.rates)},
          {"multiply_adds_per_s", run.rates.multiply_adds},
          {"recording", profile.cost.share()},
          {"steps", steps},
          {"seconds", amounts},
          {"bytes", json_of(ledger, ledger.bytes)},
          {"by_worker", workers_json(ledger)},
          {"operations", rows_json(ledger, "op")},
          {"layers", rows_json(make_ledger(profile, LedgerRows::kLayers), "layer")},
          {"kernels", kernels_json(profile)},
          {"periods", periods}};
}

}  // namespace drift
