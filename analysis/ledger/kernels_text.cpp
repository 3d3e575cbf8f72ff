#include "analysis/ledger/kernels_text.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "core/text_table.h"

namespace drift {
namespace {

constexpr std::size_t kNameLetters = 60;

struct Row {
  std::string part, op, kernel;
  double launches = 0, nanoseconds = 0;
};

std::vector<Row> rows_of(const Profile& profile) {
  std::map<std::tuple<std::string, std::string, std::string>, Row> by_name;
  for (const ProfiledKernel& kernel : profile.kernels) {
    const ProfiledOp& op = profile.ops[static_cast<std::size_t>(kernel.op)];
    Row& row = by_name[{op.part, op.op, kernel.name}];
    row.part = op.part;
    row.op = op.op;
    row.kernel = kernel.name;
    row.launches += static_cast<double>(kernel.launches);
    row.nanoseconds += static_cast<double>(kernel.duration);
  }
  std::vector<Row> rows;
  for (auto& [name, row] : by_name) rows.push_back(std::move(row));
  std::ranges::stable_sort(rows, std::ranges::greater(), &Row::nanoseconds);
  return rows;
}

}  // namespace

std::string short_kernel_name(std::string_view name, std::size_t most) {
  std::string text(name);
  if (text.starts_with("void ")) text.erase(0, 5);
  for (const std::string_view space : {"drift::", "launch::", "packets_of_8::"}) {
    for (std::size_t at = text.find(space); at != std::string::npos; at = text.find(space))
      text.erase(at, space.size());
  }
  int depth = 0;  // of template arguments: the list of parameters begins outside of them
  for (std::size_t i = 0; i < text.size(); ++i) {
    depth += text[i] == '<' ? 1 : text[i] == '>' ? -1 : 0;
    if (text[i] != '(' || depth > 0 || i == 0) continue;
    text.resize(i);
  }
  if (text.size() > most) text = text.substr(0, most - 3) + "...";
  return text;
}

std::string kernels_text(const Profile& profile) {
  const std::vector<Row> rows = rows_of(profile);
  if (rows.empty()) return "no kernels were recorded: train on a GPU with --profile-kernels\n";
  double all = 0;
  for (const Row& row : rows) all += row.nanoseconds;
  std::vector<std::vector<std::string>> cells = {{"part", "operation", "kernel", "launches", "us", "ms in all", "%"}};
  for (const Row& row : rows) {
    cells.push_back({row.part, row.op, short_kernel_name(row.kernel, kNameLetters), fmt::format("{:.0f}", row.launches),
                     fmt::format("{:.1f}", 1e-3 * row.nanoseconds / row.launches),
                     fmt::format("{:.2f}", 1e-6 * row.nanoseconds),
                     fmt::format("{:.1f}", all > 0 ? 100 * row.nanoseconds / all : 0)});
  }
  return "kernels of captured steps that were recorded, of all workers, told by CUPTI:\n" +
         text_table(cells, "<<<>>>>");
}

Json kernels_json(const Profile& profile) {
  Json kernels = Json::array();
  for (const ProfiledKernel& kernel : profile.kernels) {
    const ProfiledOp& op = profile.ops[static_cast<std::size_t>(kernel.op)];
    kernels.push_back({{"part", op.part},
                       {"op", op.op},
                       {"layer", op.layer},
                       {"worker", kernel.worker},
                       {"kernel", kernel.name},
                       {"launches", kernel.launches},
                       {"seconds", 1e-9 * static_cast<double>(kernel.duration)}});
  }
  return kernels;
}

}  // namespace drift
