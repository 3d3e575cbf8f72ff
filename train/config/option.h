// Option: one setting of TrainConfig that a user can give, a row of the table that drives the flags, the recipes
// (TOML), the config.toml stored with a run, --print-config and the help texts, so that none of them can disagree. A
// recipe's key is the flag without its dashes: `--local-batch 128` and `local-batch = 128` are the same setting. The
// rows stand beside the structs they set, in the files of this folder; option_kinds.h makes them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drift {

struct TrainConfig;

// How a value looks in TOML. On the command line every value is text; a list is separated by commas.
enum class ValueKind : std::uint8_t { kText, kSwitch, kInteger, kNumber, kList };

// The command that an option belongs to; an option may belong to several.
enum class Scope : std::uint8_t { kTrain = 1, kEval = 2, kDescribe = 4, kPlans = 8, kData = 16 };

// What a resumed run may do with the value that its checkpoint has of an option.
enum class OnResume : std::uint8_t {
  kFixed,     // nothing: it decides the bits. A branch (--change) may
  kOfStates,  // nothing, and no branch may: the states in a checkpoint are of it
  kLastBits,  // change it, and with it the last bits of sums; what differs then is said
  kRenamed,   // name the same thing in another way; whether it is the same is looked at where it is opened
  kFree,      // change it: it leaves the bits alone
  kSession,   // it was one session's: not kept with the run
};

struct Option {
  std::string name;         // "local-batch"
  std::string alias;        // "wd" for weight-decay; or ""
  std::string section;      // a heading of the help text
  std::string placeholder;  // "N" in `--local-batch N`
  std::string help;
  ValueKind kind = ValueKind::kText;
  std::string allowed;               // "an integer of at least 1"; completes "--local-batch must be ..."
  std::vector<std::string> choices;  // for "did you mean"; may be empty
  std::string excludes;              // an option that may not be given beside this one; setting one resets the other
  OnResume on_resume = OnResume::kFixed;
  unsigned scopes = static_cast<unsigned>(Scope::kTrain);  // bits of Scope
  std::optional<std::string> initial;                      // a default of its scopes' own; else TrainConfig's

  std::function<std::optional<std::string>(const TrainConfig&)> get;  // nullopt: not set
  std::function<bool(TrainConfig&, std::string_view)> set;            // false: not allowed, and nothing changed
  std::function<void(TrainConfig& to, const TrainConfig& from)> copy;

  bool belongs_to(Scope scope) const { return (scopes & static_cast<unsigned>(scope)) != 0; }
};

}  // namespace drift
