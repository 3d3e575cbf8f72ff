#include "analysis/ledger/difference.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <utility>

#include "core/check.h"
#include "core/text_table.h"

namespace drift {
namespace {

struct Amount {
  double mean = 0, noise = 0;
};

using Named = std::map<std::pair<std::string, std::string>, Amount>;

Named amounts_of(const Ledger& ledger, Sync kind) {
  const auto amount = [&](const ByKind& all) { return Amount{all.at(kind), all.noise[column_of(kind)]}; };
  Named named = {{{"wait", "batch"}, amount(ledger.batch)},
                 {{"wait", "lane"}, amount(ledger.lane)},
                 {{"average", "other workers"}, amount(ledger.skew)},
                 {{"average", "moving"}, amount(ledger.moving)},
                 {{"host", "between operations"}, amount(ledger.gaps)}};
  for (const LedgerRow& row : ledger.rows) named[{row.part, row.name}] = amount(row.seconds);
  return named;
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

std::vector<LedgerDifference> differences(const Ledger& before, const Ledger& after, Sync kind) {
  const Named first = amounts_of(before, kind), second = amounts_of(after, kind);
  std::vector<LedgerDifference> all;
  for (const auto& [key, amount] : first) {
    const auto same = second.find(key);
    all.push_back(between(key.first, key.second, amount, same == second.end() ? Amount() : same->second));
  }
  for (const auto& [key, amount] : second) {
    if (!first.contains(key)) all.push_back(between(key.first, key.second, Amount(), amount));
  }
  std::ranges::stable_sort(all, std::ranges::greater(),
                           [](const LedgerDifference& one) { return std::abs(one.change()); });
  const std::size_t column = column_of(kind);
  all.push_back(between("step", "all", {before.step.at(kind), before.step.noise[column]},
                        {after.step.at(kind), after.step.noise[column]}));
  return all;
}

std::string difference_text(const Profile& before, const std::string& before_name, const Profile& after,
                            const std::string& after_name) {
  constexpr double kLeast = 5e-6;  // seconds, in either
  const Ledger first = make_ledger(before), second = make_ledger(after);
  std::string text;
  for (const Sync kind : kStepKinds) {
    if (!first.has(kind) || !second.has(kind)) continue;
    const std::size_t column = column_of(kind);
    text += fmt::format("{}{}: {} steps of workers before, {} after, ms\n", text.empty() ? "" : "\n", title_of(kind),
                        first.steps[column], second.steps[column]);
    std::vector<std::vector<std::string>> rows = {{"part", "", "before", "after", "change", "noise", "", ""}};
    for (const LedgerDifference& one : differences(first, second, kind)) {
      if (std::max(one.before, one.after) >= kLeast) rows.push_back(row_of(one));
    }
    text += text_table(rows, "<<>>>>><");
  }
  DRIFT_CHECK(kUsage, !text.empty(), "{} and {} have no kind of step that both recorded behind the first", before_name,
              after_name);
  return fmt::format("before: {}\nafter: {}\n\n{}", before_name, after_name, text);
}

}  // namespace drift
