#include "train/config/options.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "core/check.h"
#include "train/config/model.h"

namespace drift {
namespace {

// Every row, in the order of the help text.
std::vector<Option> all_options() {
  std::vector<Option> table;
  for (std::vector<Option> (*rows)() :
       {model_options, data_options, sync_options, lr_options, optimizer_options, length_options, evaluation_options,
        checkpoint_options, machine_options, processes_options, file_options}) {
    std::ranges::move(rows(), std::back_inserter(table));
  }
  return table;
}

// What `make` makes of each scope, made once.
template <class Make>
auto by_scope(const Make& make) {
  std::map<Scope, decltype(make(Scope::kTrain))> result;
  for (const Scope scope : {Scope::kTrain, Scope::kEval, Scope::kDescribe, Scope::kPlans, Scope::kData}) {
    result.emplace(scope, make(scope));
  }
  return result;
}

}  // namespace

const std::vector<Option>& options_of(Scope scope) {
  static const auto tables = by_scope([](Scope wanted) {
    std::vector<Option> table = all_options();
    std::erase_if(table, [wanted](const Option& option) { return !option.belongs_to(wanted); });
    return table;
  });
  return tables.at(scope);
}

const TrainConfig& default_config(Scope scope) {
  static const auto configs = by_scope([](Scope wanted) {
    TrainConfig config;
    for (const Option& option : options_of(wanted)) {
      DRIFT_ASSERT(!option.initial || option.set(config, *option.initial), "--{} does not take its own default '{}'",
                   option.name, *option.initial);
    }
    return config;
  });
  return configs.at(scope);
}

const Option* find_option(std::string_view name, Scope scope) {
  const std::vector<Option>& table = options_of(scope);
  const auto found = std::ranges::find_if(table, [&](const Option& option) {
    return option.name == name || (!option.alias.empty() && option.alias == name);
  });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace drift
