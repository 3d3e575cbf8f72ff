#include "comm/job.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <random>
#include <sched.h>
#include <sstream>
#include <utility>

#include "comm/nccl.h"
#include "core/check.h"
#include "core/host_name.h"
#include "core/regular_file.h"
#include "kernels/device.h"

namespace drift {
namespace {

constexpr std::size_t kTextFloats = 1024;  // 4 KiB
constexpr std::size_t kIdBytesMax = 100;

// The text of process 0, everywhere.
std::string text_of_first(Transport& transport, const std::string& text) {
  std::vector<float> message(kTextFloats);
  const std::size_t room = message.size() * sizeof(float) - 1;  // a zero ends it
  DRIFT_ASSERT(text.size() <= room, "a text of {} bytes for {}", text.size(), room);
  std::memcpy(message.data(), text.data(), text.size());
  std::vector<Transport::Send> sends;
  std::vector<Transport::Receive> receives;
  if (transport.process() == 0) {
    for (int other = 1; other < transport.processes(); ++other) sends.push_back({message, other});
  } else {
    receives.push_back({message, 0});
  }
  const std::unique_ptr<Stream> stream = make_stream({DeviceType::kCpu, 0}, 1);
  transport.start(sends, receives, *stream)->wait();
  return reinterpret_cast<const char*>(message.data());
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string random_token() {
  std::random_device random;
  std::string token;
  for (int i = 0; i < 4; ++i) token += fmt::format("{:08x}", random());
  return token;
}

// The same for processes that share this machine's cores, in whatever containers they are.
std::string machine_id() {
  const std::optional<std::string> id = text_if_there("/proc/sys/kernel/random/boot_id", kIdBytesMax, ErrorKind::kComm);
  return id ? id->substr(0, id->find('\n')) : host_name();
}

// Where process 0 is: port, token, machine and the names under which it may be reached.
std::string whereabouts(int port, const std::string& token) {
  std::string text = fmt::format("{}\n{}\n{}\n{}\n", port, token, machine_id(), host_name());
  for (const std::string& address : host_addresses()) text += address + "\n";
  return text;
}

ControlOptions control_options(const std::string& whereabouts, const Transport& transport, double timeout_seconds) {
  const std::vector<std::string> lines = lines_of(whereabouts);
  DRIFT_ASSERT(lines.size() >= 4, "process 0 says '{}' of itself", whereabouts);
  ControlOptions options{.process = transport.process(),
                         .processes = transport.processes(),
                         .hosts = {lines.begin() + 3, lines.end()},
                         .port = std::stoi(lines[0]),
                         .token = lines[1],
                         .timeout_seconds = timeout_seconds};
  if (lines[2] == machine_id()) options.hosts.insert(options.hosts.begin(), "localhost");
  return options;
}

// The cores this process may use, as a row of 0 and 1.
std::string usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return "1";
  std::string cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) cores += CPU_ISSET(core, &set) ? '1' : '0';
  return cores.substr(0, cores.find_last_of('1') + 1);
}

bool overlap(std::string_view a, std::string_view b) {
  for (std::size_t core = 0; core < std::min(a.size(), b.size()); ++core) {
    if (a[core] == '1' && b[core] == '1') return true;
  }
  return false;
}

// What the processes of a machine have to know of each other. Launchers bind each process to cores of its own, or none
// to any: then those beside each other share.
void share_machine(Job& job) {
  job.hosts = job.control->gather("host", host_name());
  const std::vector<std::string> machines = job.control->gather("machine", machine_id());
  const std::vector<std::string> cores = job.control->gather("cores", usable_cores());
  const auto self = static_cast<std::size_t>(job.process);
  int sharing = 0;
  for (std::size_t other = 0; other < cores.size(); ++other) {
    if (machines[other] != machines[self]) continue;
    if (other < self) ++job.local_process;
    if (overlap(cores[other], cores[self])) ++sharing;
  }
  job.cores = std::max(1, cpu_features().cores / std::max(1, sharing));
}

}  // namespace

Membership Membership::alone(int workers) {
  const Job job = lone_job();
  return {.team = {.workers = workers}, .control = job.control, .cores = job.cores};
}

Membership Job::team_of(int workers) const {
  const Team team{.workers = workers, .processes = processes, .process = process};
  check(team);
  return {.team = team, .transport = transport, .control = control, .cores = cores, .device = device};
}

Job lone_job() {
  Job job;
  job.control = make_control({});
  job.hosts = {host_name()};
  job.cores = cpu_features().cores;
  return job;
}

Job on_gpus(Job job, Device device, const JobOptions& options) {
  const std::string id = job.control->gather("NCCL id", job.process == 0 ? make_nccl_id() : "").front();
  job.transport = make_nccl_transport({.process = job.process,
                                       .processes = job.processes,
                                       .device = device,
                                       .timeout_seconds = options.timeout_seconds,
                                       .multiprocessors = options.nccl_multiprocessors,
                                       .id = id});
  job.device = device;
  return job;
}

Job join_job(std::shared_ptr<Transport> transport, const JobOptions& options) {
  if (transport->processes() == 1) return lone_job();
  const bool first = transport->process() == 0;
  Socket door = first ? listen_on(options.control_port) : Socket();
  const std::string where =
      text_of_first(*transport, first ? whereabouts(port_of(door), random_token()) : std::string());
  Job job;
  job.process = transport->process();
  job.processes = transport->processes();
  job.transport = transport;
  job.control = make_control(control_options(where, *transport, options.timeout_seconds), std::move(door));
  share_machine(job);
  return job;
}

Job join_job(const ControlOptions& known) {
  if (known.processes == 1) return lone_job();
  Job job;
  job.process = known.process;
  job.processes = known.processes;
  job.control = make_control(known, known.process == 0 ? listen_on(known.port) : Socket());
  share_machine(job);
  return job;
}

}  // namespace drift
