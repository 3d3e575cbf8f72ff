// CommandLine: the flags of one subcommand. Flags that set a TrainConfig come from the option table
// (train/config/options.h), so they mean the same in every subcommand; the rest is declared by the subcommand itself.
// Anything unknown is an error. The parser's own header, which takes seconds to compile, is command_line.cpp's alone.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "train/config/bounds.h"
#include "train/config/resolve.h"

namespace drift {

class CommandLine {
 public:
  // scope: whose flags of the option table it has; nothing: none. examples: lines at the end of the help text.
  CommandLine(std::optional<Scope> scope, const std::string& name, const std::string& description,
              const std::vector<std::string>& examples);
  ~CommandLine();

  // An integer of a range.
  struct Integer {
    std::int64_t* into;
    options::Range range;
  };
  // Where a value goes, a text that is not empty or an integer; what it holds before is its default.
  using Value = std::variant<std::string*, Integer>;
  // Flags, "--batch", and positionals, "MODEL", of the subcommand's own. `placeholder` stands for the value in the help
  // text.
  void add_value(const std::string& name, const std::string& placeholder, Value value, const std::string& help);
  void add_required_value(const std::string& name, const std::string& placeholder, Value value,
                          const std::string& help);
  // One or more of them: a positional, "RUN".
  void add_required_values(const std::string& name, std::vector<std::string>& values, const std::string& help);
  // Any number of them behind a flag, "--links".
  void add_values(const std::string& name, const std::string& placeholder, std::vector<std::string>& values,
                  const std::string& help);
  void add_switch(const std::string& name, bool& value, const std::string& help);

  // False when it printed the help text and there is nothing to do. Throws kUsage.
  bool parse(int argc, char** argv);
  // The config flags that were given.
  SettingLayer settings() const;

 private:
  struct Parser;

  void add_config_option(const Option& option, Scope scope);
  void refuse_leftovers() const;

  std::unique_ptr<Parser> parser_;
  std::optional<Scope> scope_;
};

}  // namespace drift
