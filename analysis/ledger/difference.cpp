#include "analysis/ledger/difference.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <utility>

#include "analysis/statistics.h"
#include "core/check.h"
#include "core/text_table.h"

namespace drift {
namespace {

struct Amount {
  double mean = 0, noise = 0;
};

using Key = std::pair<std::string, std::string>;  // part and name
using Named = std::map<Key, Amount>;

const Key kWholeStep = {"step", "all"};

Named amounts_of(const Ledger& ledger, Sync kind) {
  const auto amount = [&](const ByKind& all) { return Amount{all.at(kind), all.noise[column_of(kind)]}; };
  Named named = {{{"wait", "batch"}, amount(ledger.batch)},
                 {{"wait", "lane"}, amount(ledger.lane)},
                 {{"average", "other workers"}, amount(ledger.skew)},
                 {{"average", "moving"}, amount(ledger.moving)},
                 {{"host", "between operations"}, amount(ledger.gaps)},
                 {kWholeStep, amount(ledger.step)}};
  for (const LedgerRow& row : ledger.rows) named[{row.part, row.name}] = amount(row.seconds);
  return named;
}

Named amounts_of(std::span<const Ledger> ledgers, Sync kind) {
  if (ledgers.size() == 1) return amounts_of(ledgers.front(), kind);
  std::map<Key, std::vector<double>> means;
  for (std::size_t run = 0; run < ledgers.size(); ++run) {
    for (const auto& [key, amount] : amounts_of(ledgers[run], kind)) {
      means.try_emplace(key, ledgers.size(), 0.0).first->second[run] = amount.mean;
    }
  }
  Named named;
  for (const auto& [key, values] : means) {
    const Estimate estimate = estimate_mean(values);
    named[key] = {estimate.mean, estimate.half_width};
  }
  return named;
}

std::vector<Ledger> ledgers_of(std::span<const Profile> profiles) {
  std::vector<Ledger> ledgers;
  for (const Profile& profile : profiles) ledgers.push_back(make_ledger(profile));
  return ledgers;
}

// Of all of them; 0 where one has none.
std::size_t steps_of(std::span<const Ledger> ledgers, Sync kind) {
  std::size_t steps = 0;
  for (const Ledger& ledger : ledgers) {
    if (!ledger.has(kind)) return 0;
    steps += ledger.steps[column_of(kind)];
  }
  return steps;
}

std::string side_text(const std::string& name, std::size_t runs) {
  return runs == 1 ? name : fmt::format("{} ({} runs)", name, runs);
}

LedgerDifference between(std::string part, std::string name, const Amount& before, const Amount& after) {
  return {.part = std::move(part),
          .name = std::move(name),
          .before = before.mean,
          .after = after.mean,
          .noise = std::hypot(before.noise, after.noise)};
}

std::vector<std::string> row_of(const LedgerDifference& one) {
  return {one.part,
          one.name,
          fmt::format("{:.3f}", 1e3 * one.before),
          fmt::format("{:.3f}", 1e3 * one.after),
          fmt::format("{:+.3f}", 1e3 * one.change()),
          std::isfinite(one.noise) ? fmt::format("±{:.3f}", 1e3 * one.noise) : "few steps",
          one.before > 0 ? fmt::format("{:+.1f} %", 100 * one.change() / one.before) : "",
          !one.is_sure()     ? ""
          : one.change() > 0 ? "slower"
                             : "faster"};
}

}  // namespace

std::vector<LedgerDifference> differences(std::span<const Ledger> before, std::span<const Ledger> after, Sync kind) {
  Named first = amounts_of(before, kind), second = amounts_of(after, kind);
  const LedgerDifference whole = between(kWholeStep.first, kWholeStep.second, first[kWholeStep], second[kWholeStep]);
  first.erase(kWholeStep);
  second.erase(kWholeStep);
  for (const auto& [key, amount] : second) first.try_emplace(key);
  std::vector<LedgerDifference> all;
  for (const auto& [key, amount] : first) all.push_back(between(key.first, key.second, amount, second[key]));
  std::ranges::stable_sort(all, std::ranges::greater(),
                           [](const LedgerDifference& one) { return std::abs(one.change()); });
  all.push_back(whole);
  return all;
}

std::string difference_text(std::span<const Profile> before, const std::string& before_name,
                            std::span<const Profile> after, const std::string& after_name) {
  constexpr double kLeast = 5e-6;  // seconds, in either
  const std::vector<Ledger> first = ledgers_of(before), second = ledgers_of(after);
  std::string text;
  for (const Sync kind : kStepKinds) {
    const std::size_t steps_before = steps_of(first, kind), steps_after = steps_of(second, kind);
    if (steps_before == 0 || steps_after == 0) continue;
    text += fmt::format("{}{}: {} steps of workers before, {} after, ms\n", text.empty() ? "" : "\n", title_of(kind),
                        steps_before, steps_after);
    std::vector<std::vector<std::string>> rows = {{"part", "", "before", "after", "change", "noise", "", ""}};
    for (const LedgerDifference& one : differences(first, second, kind)) {
      if (std::max(one.before, one.after) >= kLeast) rows.push_back(row_of(one));
    }
    text += text_table(rows, "<<>>>>><");
  }
  DRIFT_CHECK(kUsage, !text.empty(), "{} and {} have no kind of step that all recorded behind the first", before_name,
              after_name);
  return fmt::format("before: {}\nafter: {}\n\n{}", side_text(before_name, before.size()),
                     side_text(after_name, after.size()), text);
}

}  // namespace drift
