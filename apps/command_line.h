// CommandLine: the flags of one subcommand. Flags that set a TrainConfig come from the option table
// (train/config/options.h), so they mean the same in every subcommand; the rest is declared by the subcommand itself.
// Anything unknown is an error.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "train/config/resolve.h"

namespace drift {

class CommandLine {
 public:
  // scope: whose flags of the option table it has; nothing: none. examples: lines at the end of the help text.
  CommandLine(std::optional<Scope> scope, std::string name, std::string description, std::vector<std::string> examples);

  // Flags and positionals of the subcommand's own. `placeholder` stands for the value in the help text.
  template <class T>
  CLI::Option* add_value(const std::string& name, const std::string& placeholder, T& value, const std::string& help) {
    return app_.add_option(name, value, help)->type_name(placeholder)->group(own_group_);
  }
  void add_switch(const std::string& name, bool& value, const std::string& help) {
    app_.add_flag(name, value, help)->group(own_group_);
  }

  // False when it printed the help text and there is nothing to do. Throws kUsage.
  bool parse(int argc, char** argv);
  // The config flags that were given.
  SettingLayer settings() const;

 private:
  void add_config_option(const Option& option, Scope scope);
  void refuse_leftovers() const;

  CLI::App app_;
  std::optional<Scope> scope_;
  std::string own_group_ = "This command";
  std::vector<std::pair<const Option*, CLI::Option*>> config_options_;
};

}  // namespace drift
