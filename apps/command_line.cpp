#include "apps/command_line.h"

#include <CLI/CLI.hpp>
#include <span>

#include "apps/output.h"
#include "core/check.h"
#include "core/text.h"
#include "train/config/option_kinds.h"

namespace drift {
namespace {

constexpr std::size_t kFlagColumn = 34;
constexpr const char* kOwnGroup = "This command";

// "-q,--quiet", "--[no-]nesterov", "--weight-decay,--wd X", "MODEL".
std::string flag_text(const CLI::Option& option) {
  if (option.get_positional()) {
    return option.get_name(/*positional=*/true) + (option.get_items_expected_max() > 1 ? " ..." : "");
  }
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  const bool negatable = !option.get_fnames().empty();
  for (const std::string& name : option.get_lnames()) {
    if (!negatable || !name.starts_with("no-")) names.push_back((negatable ? "--[no-]" : "--") + name);
  }
  const std::string value = option.get_type_name();
  return joined(names, ",") + (value.empty() ? "" : " " + value);
}

// One line for each flag: names, value, what it is for, the default at the end. A long flag has its help on the next
// line.
class HelpFormatter final : public CLI::Formatter {
 public:
  // One empty line between groups, where CLI11 leaves two.
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
    for (std::size_t at; (at = text.find("\n\n\n")) != std::string::npos;) text.erase(at, 1);
    return text;
  }
  std::string make_option(const CLI::Option* option, bool) const override {
    std::string flag = "  " + flag_text(*option);
    if (flag.size() + 2 > kFlagColumn) {
      flag += "\n" + std::string(kFlagColumn, ' ');
    } else {
      flag.resize(kFlagColumn, ' ');
    }
    return flag + option->get_description() + "\n";
  }
};

// "[none]" behind the help of an option, unless that says nothing.
std::string default_text(const Option& option, Scope scope) {
  const std::string value = option.get(default_config(scope)).value_or("");
  return value.empty() ? "" : " [" + value + "]";
}

void read(const std::string& flag, const std::string& text, std::string* into) {
  DRIFT_CHECK(kUsage, !text.empty(), "{} must be a text that is not empty", flag);
  *into = text;
}

void read(const std::string& flag, const std::string& text, const CommandLine::Integer& integer) {
  const auto value = options::parse_value<std::int64_t>(text, integer.range);
  DRIFT_CHECK(kUsage, value, "{} must be {}, found '{}'.", flag, integer.range.text("an integer"), text);
  *integer.into = *value;
}

// CLI11 takes the next word, a flag too, for the value that is missing behind the sign.
void refuse_missing_values(std::span<char* const> words) {
  for (const std::string_view word : words) {
    DRIFT_CHECK(kUsage, !word.starts_with("--") || word.find('=') != word.size() - 1, "{} has no value behind the sign",
                word);
  }
}

}  // namespace

struct CommandLine::Parser {
  CLI::App app;
  std::vector<std::pair<const Option*, CLI::Option*>> config_options = {};

  CLI::Option* add_value(const std::string& name, const std::string& placeholder, Value value,
                         const std::string& help) {
    const std::string flag = name.substr(name.find_last_of(',') + 1);
    const auto take = [flag, value](const CLI::results_t& given) {
      std::visit([&](const auto& into) { read(flag, given.back(), into); }, value);
      return true;
    };
    return app.add_option(name, take, help)->type_name(placeholder)->group(kOwnGroup);
  }
  CLI::Option* add_values(const std::string& name, std::vector<std::string>& values, const std::string& help) {
    const auto take = [name, &values](const CLI::results_t& given) {
      for (const std::string& text : given) read(name, text, &values.emplace_back());
      return true;
    };
    return app.add_option(name, take, help)
        ->group(kOwnGroup)
        ->expected(1, CLI::detail::expected_max_vector_size)
        ->allow_extra_args();
  }
};

CommandLine::CommandLine(std::optional<Scope> scope, const std::string& name, const std::string& description,
                         const std::vector<std::string>& examples)
    : parser_(new Parser{CLI::App(description, name)}), scope_(scope) {
  CLI::App& app = parser_->app;
  app.formatter(std::make_shared<HelpFormatter>());
  app.allow_extras();
  app.get_formatter()->label("OPTIONS", "flags");
  app.set_help_flag("-h,--help", "this text")->group(kOwnGroup);
  app.footer("\nExamples:\n  " + joined(examples, "\n  "));
}

CommandLine::~CommandLine() = default;

void CommandLine::add_value(const std::string& name, const std::string& placeholder, Value value,
                            const std::string& help) {
  parser_->add_value(name, placeholder, value, help);
}

void CommandLine::add_required_value(const std::string& name, const std::string& placeholder, Value value,
                                     const std::string& help) {
  parser_->add_value(name, placeholder, value, help)->required();
}

void CommandLine::add_values(const std::string& name, const std::string& placeholder, std::vector<std::string>& values,
                             const std::string& help) {
  parser_->add_values(name, values, help)->type_name(placeholder);
}

void CommandLine::add_required_values(const std::string& name, std::vector<std::string>& values,
                                      const std::string& help) {
  parser_->add_values(name, values, help)->required();
}

void CommandLine::add_switch(const std::string& name, bool& value, const std::string& help) {
  parser_->app.add_flag(name, value, help)->group(kOwnGroup);
}

void CommandLine::add_config_option(const Option& option, Scope scope) {
  CLI::App& app = parser_->app;
  const std::string flag = "--" + option.name + (option.alias.empty() ? "" : ",--" + option.alias);
  const std::string help = option.help + default_text(option, scope);
  CLI::Option* made = nullptr;
  if (option.kind == ValueKind::kSwitch) {
    made = app.add_flag(flag + ",!--no-" + option.name, help);
  } else {
    made = app.add_option(
                  flag, [](const CLI::results_t&) { return true; }, help)
               ->type_name(option.placeholder);
  }
  made->group(option.section);
  parser_->config_options.emplace_back(&option, made);
}

bool CommandLine::parse(int argc, char** argv) {
  if (scope_) {  // behind the command's own flags, which are declared between construction and here
    for (const Option& option : options_of(*scope_)) add_config_option(option, *scope_);
  }
  CLI::App& app = parser_->app;
  refuse_missing_values({argv, static_cast<std::size_t>(argc)});
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    print_text(app.help());
    return false;
  } catch (const CLI::ParseError& error) {
    DRIFT_FAIL(kUsage, "{}. `{} --help` lists the flags", error.what(), app.get_name());
  }
  refuse_leftovers();
  return true;
}

void CommandLine::refuse_leftovers() const {
  const CLI::App& app = parser_->app;
  const std::vector<std::string> leftovers = app.remaining();
  if (leftovers.empty()) return;
  const std::string& word = leftovers.front();
  if (!word.starts_with("-")) {
    DRIFT_FAIL(kUsage, "nothing is expected where '{}' stands. `{} --help` lists the flags", word, app.get_name());
  }
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  const std::string flag = word.substr(0, word.find('='));
  DRIFT_FAIL(kUsage, "unknown flag '{}'.{} `{} --help` lists the flags", flag, did_you_mean(flag, known),
             app.get_name());
}

SettingLayer CommandLine::settings() const {
  SettingLayer layer{.origin = "command line", .kind = ErrorKind::kUsage, .settings = {}};
  for (const auto& [option, given] : parser_->config_options) {
    if (given->count() == 0) continue;
    layer.settings.push_back({.name = option->name, .text = given->results().back(), .where = "--" + option->name});
  }
  return layer;
}

}  // namespace drift
