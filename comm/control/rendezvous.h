// How the processes of a team find each other: process 0 listens and takes whoever proves to belong to it, the others
// knock until it is there.
#pragma once

#include <map>

#include "comm/control.h"
#include "comm/control/connection.h"

namespace drift {

constexpr const char* kControlProtocol = "drift control 1";

// What somebody who connects to process 0 says is wrong with it, for both sides; nothing if it may come in.
std::string refusal(const Frame& hello, const ControlOptions& options, const std::map<int, Connection>& members);

// Process 0: the connections to all others, by process.
std::map<int, Connection> wait_for_members(const Socket& listener, const ControlOptions& options);
// The others: the connection to process 0, once all have come.
Connection join_team(const ControlOptions& options);

}  // namespace drift
