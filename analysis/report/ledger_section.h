// What a report says of runs that were trained with --profile: where the time of their steps goes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "analysis/ledger/ledger.h"
#include "analysis/plot/bars.h"
#include "analysis/plot/plot.h"
#include "analysis/report/arms.h"

namespace drift {

// A bar for each kind of step that was recorded, in milliseconds.
Bars step_bars(const Ledger& ledger);
// Operations with products: how many per second over how many for each byte, below what the machine could do.
Plot roofline(const Profile& profile);

// Of the first run of an arm that has a profile; nothing where none has, or no step that counts.
struct ProfileFigures {
  std::filesystem::path run;
  Profile profile;
  Bars steps;
  Plot points;  // may have none
};
std::optional<ProfileFigures> profile_figures(const Arm& arm);

// Of each arm that has them; "" where none has. HTML.
std::string ledger_section(const std::vector<Arm>& arms);

}  // namespace drift
