// What a report says of runs that were trained with --profile: where the time of their steps goes.
#pragma once

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

// Of the first run of each arm that has a profile; "" where none has. HTML.
std::string ledger_section(const std::vector<Arm>& arms);

}  // namespace drift
