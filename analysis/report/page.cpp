#include "analysis/report/page.h"

#include <cmath>
#include <fmt/format.h>
#include <set>

#include "analysis/markup.h"
#include "analysis/report/figure_html.h"
#include "analysis/report/figures.h"
#include "analysis/report/ledger_section.h"
#include "analysis/report/page_text.h"
#include "analysis/report/results.h"
#include "core/text.h"

namespace drift {
namespace {

std::string number_text(double value, Unit unit) {
  return std::isfinite(value) ? value_text(value, unit) : "";
}

// Rows of cells; what is markup already stays as it is.
class Table {
 public:
  explicit Table(const std::vector<std::string>& heads) {
    html_ = R"(<div class="scroll"><table><thead><tr>)";
    for (const std::string& head : heads) html_ += "<th>" + escaped(head) + "</th>";
    html_ += "</tr></thead><tbody>";
  }
  void row(const std::string& head_html, const std::vector<std::string>& cells) {
    html_ += R"(<tr><th scope="row">)" + head_html + "</th>";
    for (const std::string& cell : cells) html_ += "<td>" + escaped(cell) + "</td>";
    html_ += "</tr>";
  }
  std::string html() const { return html_ + "</tbody></table></div>\n"; }

 private:
  std::string html_;
};

std::string results_table(const std::vector<Arm>& arms) {
  const std::vector<ArmResult> results = results_of(arms);
  std::vector<std::string> heads = {"arm", "seeds", "test accuracy, %"};
  const bool has_differences = arms.size() > 1;
  if (has_differences) heads.emplace_back("to the first arm, points");
  for (const char* head : {"test loss", "training loss", "rounds", "sent", "time", "images/s", "state"}) {
    heads.emplace_back(head);
  }
  Table table(heads);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const ArmResult& result = results[i];
    std::vector<std::string> cells = {std::to_string(result.seeds.size()), percent_text(result.accuracy)};
    if (has_differences) cells.push_back(result.difference ? percent_text(*result.difference, /*with_sign=*/true) : "");
    for (std::string& cell : std::vector<std::string>{
             number_text(result.test_loss, Unit::kNumber), number_text(result.training_loss, Unit::kNumber),
             number_text(result.averages, Unit::kNumber), number_text(result.bytes, Unit::kBytes),
             number_text(result.seconds, Unit::kSeconds), number_text(result.images_per_second, Unit::kNumber),
             result.status}) {
      cells.push_back(std::move(cell));
    }
    table.row(swatch(i) + escaped(result.name), cells);
  }
  return table.html();
}

std::string figures_html(const std::vector<Arm>& arms) {
  std::string html = R"(<div class="legend">)";
  for (std::size_t i = 0; i < arms.size(); ++i) html += "<span>" + swatch(i) + escaped(arms[i].name) + "</span>";
  html += "</div>\n<div class=\"figures\">\n";
  for (const Plot& plot : figures_of(arms)) html += figure_html(plot, plot.id);
  return html + "</div>\n";
}

std::string settings_table(const std::vector<Arm>& arms) {
  const std::vector<Difference> different = differences(arms);
  if (different.empty()) return "";
  std::vector<std::string> heads = {"option"};
  for (const Arm& arm : arms) heads.push_back(arm.name);
  Table table(heads);
  for (const Difference& difference : different) table.row(escaped(difference.option), difference.values);
  return "<h2>Settings that differ</h2>\n" + table.html();
}

std::string text_at(const Json& json, const char* pointer) {
  if (!json.is_object()) return "";
  const Json value = json.value(Json::json_pointer(pointer), Json());
  return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
}

std::string machine_text(const RunRecords& run) {
  const Json& at = run.environment;
  return fmt::format("{} ({} cores), {}, device {}; drift {} ({}), {}, {}", text_at(at, "/cpu"), text_at(at, "/cores"),
                     text_at(at, "/system"), text_at(at, "/setup/device"), text_at(at, "/build/drift"),
                     text_at(at, "/build/git"), text_at(at, "/build/compiler"), text_at(at, "/build/build_type"));
}

std::string origin_text(const RunRecords& run) {
  const std::string parent = text_at(run.branch, "/parent");
  return parent.empty() ? "" : fmt::format("A branch of {}, from step {}. ", parent, text_at(run.branch, "/step"));
}

std::string runs_html(const std::vector<Arm>& arms) {
  std::string html = "<h2>Runs</h2>\n";
  std::set<std::string> machines;
  for (const Arm& arm : arms) {
    for (const RunRecords& run : arm.runs) machines.insert(machine_text(run));
  }
  for (const std::string& machine : machines) html += "<p>" + escaped(machine) + "</p>\n";
  for (const Arm& arm : arms) {
    for (const RunRecords& run : arm.runs) {
      html += fmt::format("<details><summary>{}</summary><p>{}{}{}</p><pre>{}</pre></details>\n",
                          escaped(run.path.string()), escaped(origin_text(run)),
                          machines.size() > 1 ? escaped(machine_text(run) + ". ") : "",
                          escaped(text_at(run.summary, "/sync_scope")), escaped(run.commands));
    }
  }
  return html;
}

}  // namespace

std::string report_page(const std::vector<Arm>& arms, const std::string& title, const std::string& made) {
  std::size_t runs = 0;
  for (const Arm& arm : arms) runs += arm.runs.size();
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{0}</title>\n"
      "<style>{1}{2}</style>\n</head>\n<body>\n<main>\n<h1>{0}</h1>\n<p class=\"made\">{3} run{4}, made {5}. "
      "Intervals and bands are 95 % confidence intervals of the mean over seeds.</p>\n"
      "{6}{7}{8}{9}{10}</main>\n<div id=\"tip\" hidden></div>\n<script>{11}</script>\n</body>\n</html>\n",
      escaped(title), plot_style(), kPageStyle, runs, runs == 1 ? "" : "s", escaped(made), results_table(arms),
      figures_html(arms), ledger_section(arms), settings_table(arms), runs_html(arms), kPageScript);
}

}  // namespace drift
