#include "comm/control/rendezvous.h"

#include <list>
#include <poll.h>
#include <thread>

#include "comm/control/hub.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/text.h"

namespace drift {
namespace {

constexpr std::size_t kMostStrangers = 64;  // that have not said who they are

void wait_for_input(std::vector<pollfd>& wanted, double seconds) {
  ::poll(wanted.data(), static_cast<nfds_t>(wanted.size()), static_cast<int>(seconds * 1e3) + 1);
}

Frame hello_of(const ControlOptions& options) {
  return {FrameKind::kHello,
          {kControlProtocol, options.token, std::to_string(options.process), std::to_string(options.processes)}};
}

void refuse(Connection& stranger, const std::string& reason) {
  log_warning("refused a connection from {}: {}", stranger.peer(), reason);
  stranger.send({FrameKind::kRefused, {reason}});
  stranger.finish(/*seconds=*/1);
}

std::string those_missing(int processes, const std::map<int, Connection>& members) {
  std::vector<std::string> names;
  for (int process = 1; process < processes; ++process) {
    if (!members.contains(process)) names.push_back(std::to_string(process));
  }
  return joined(names);
}

// Takes in who has said hello; true when this stranger is dealt with.
bool is_dealt_with(Connection& stranger, const ControlOptions& options, std::map<int, Connection>& members) {
  std::string reason;
  try {
    const std::optional<Frame> hello = stranger.read();
    if (!hello) return false;
    reason = refusal(*hello, options, members);
    if (reason.empty()) {
      members.emplace(static_cast<int>(number_in(*hello, 2)), std::move(stranger));
      return true;
    }
  } catch (const Error& error) {
    reason = error.message();
  }
  refuse(stranger, reason);
  return true;
}

}  // namespace

std::string refusal(const Frame& hello, const ControlOptions& options, const std::map<int, Connection>& members) {
  if (hello.kind != FrameKind::kHello || hello.fields.empty() || hello.fields[0] != kControlProtocol) {
    return fmt::format("it does not speak '{}': all processes must run the same version of Drift", kControlProtocol);
  }
  if (hello.fields.size() != 4) return "its greeting is incomplete";
  if (hello.fields[1] != options.token) return "it belongs to another job";
  const std::int64_t process = number_in(hello, 2), processes = number_in(hello, 3);
  if (processes != options.processes) {
    return fmt::format("it counts {} processes, process 0 counts {}", processes, options.processes);
  }
  if (process < 1 || process >= processes) return fmt::format("there is no process {} to come", process);
  if (members.contains(static_cast<int>(process))) return fmt::format("process {} is here already", process);
  return "";
}

std::map<int, Connection> wait_for_members(const Socket& listener, const ControlOptions& options) {
  const double end = steady_clock().seconds() + options.timeout_seconds;
  std::map<int, Connection> members;
  std::list<Connection> strangers;
  while (std::ssize(members) < options.processes - 1) {
    const double left = end - steady_clock().seconds();
    DRIFT_CHECK(kComm, left > 0, "process {} did not come to port {} within {:g} s",
                those_missing(options.processes, members), port_of(listener), options.timeout_seconds);
    std::vector<pollfd> wanted{{listener.descriptor(), POLLIN, 0}};
    for (const Connection& stranger : strangers) wanted.push_back({stranger.descriptor(), POLLIN, 0});
    wait_for_input(wanted, left);
    if (wanted.front().revents != 0) strangers.emplace_back(accept_from(listener));
    strangers.remove_if([&](Connection& stranger) { return is_dealt_with(stranger, options, members); });
    if (strangers.size() > kMostStrangers) strangers.pop_front();
  }
  for (auto& [process, member] : members) member.send({FrameKind::kWelcome});
  return members;
}

Connection join_team(const ControlOptions& options) {
  const double end = steady_clock().seconds() + options.timeout_seconds;
  std::string why;
  for (std::size_t turn = 0;; ++turn) {
    try {
      Connection hub(connect_to(options.hosts[turn % options.hosts.size()], options.port), "process 0");
      hub.send(hello_of(options));
      for (;;) {
        hub.write_some();
        const double left = end - steady_clock().seconds();
        DRIFT_CHECK(kComm, left > 0, "process 0 has let nobody in yet: others are missing");
        std::vector<pollfd> wanted{{hub.descriptor(), POLLIN, 0}};
        wait_for_input(wanted, left);
        const std::optional<Frame> answer = hub.read();
        if (!answer) continue;
        if (answer->kind == FrameKind::kWelcome) return hub;
        DRIFT_CHECK(kConfig, answer->kind != FrameKind::kRefused || answer->fields.empty(),
                    "process 0 refuses this process: {}", answer->fields[0]);
      }
    } catch (const Error& error) {  // not there yet, or gone for another start
      if (error.kind() != ErrorKind::kComm) throw;
      why = error.message();
    }
    DRIFT_CHECK(kComm, steady_clock().seconds() < end, "process {} of {} did not reach process 0 within {:g} s: {}",
                options.process, options.processes, options.timeout_seconds, why);
    if ((turn + 1) % options.hosts.size() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

}  // namespace drift
