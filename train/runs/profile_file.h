// The file of a process with what --profile recorded, profile/process-P.jsonl in the run directory: the only place that
// knows its lines. Each session of a run appends
//   {"kind": "session", ...}  what it is of, and what the machine could do when it began
//   {"kind": "op", ...}       what an operation is, before the first step that has it; "id" counts from 0 in a session
//   {"kind": "step", ...}     a step of a worker: operations as columns "op" (ids), "at" and "for", then its parts and
//                             what it did in the communicator. Times are whole nanoseconds, but for "begin" (by the
//                             process's clock) since the step began
//   {"kind": "kernel", ...}   of a device, where --profile-kernels was given: a kernel that ran for an operation in a
//                             worker's recorded steps, those that were captured, how often and for how long in all
//   {"kind": "end", ...}      what recording cost
// Steps that a later session does again are in it twice; who reads the processes of a run together (analysis/ledger/)
// takes the later ones.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "core/json_lines.h"
#include "core/step.h"

namespace drift {

using Nanoseconds = std::int64_t;

// What a worker's device can do at most, measured: on a CPU with the threads of one worker.
struct MachineRates {
  struct Bandwidth {
    std::int64_t bytes = 0;  // that the operation goes over
    double per_second = 0;   // bytes
  };
  std::vector<Bandwidth> memory = {};  // by bytes: small ones lie in caches
  double multiply_adds = 0;            // per second

  // Seconds that an operation of this cost takes at least: `memory` of its size, or the products.
  double floor_seconds(std::int64_t bytes, std::int64_t products) const;
};

// [[bytes, bytes per second], ...] of its memory.
Json memory_json(const MachineRates& rates);

struct ProfileSession {
  std::int64_t number = 0;  // of the run's sessions with a profile, from 0; the same in all its processes
  int process = 0, processes = 1;
  Step first_step = 0;
  std::string time = {}, host = {}, device = "cpu", model = {};
  int workers = 1;
  std::int64_t local_batch = 1;
  std::int64_t every = 1;
  int worker_threads = 1, workers_at_once = 1;
  MachineRates rates = {};

  bool on_cpu() const { return device == "cpu"; }
};

struct ProfiledOp {
  std::string op = {}, part = {}, layer = {};  // part: upload, forward, backward, update, average or other
  std::int64_t bytes = 0, multiply_adds = 0;
};

// Numbers from 0 for operations, the same for equal ones.
class OpIds {
 public:
  struct Id {
    std::int64_t number;
    bool is_new;
  };
  Id of(const ProfiledOp& op);

 private:
  std::map<std::tuple<std::string, std::string, std::string, std::int64_t, std::int64_t>, std::int64_t> known_;
};

// Within a step: since it began.
struct TimeSpan {
  Nanoseconds begin = 0, end = 0;
  Nanoseconds length() const { return end - begin; }
};

struct ProfiledCall {
  std::int64_t op = 0;  // id
  TimeSpan time;
};

struct ProfiledPart {
  std::string name;
  TimeSpan time;
};

// What a worker waited for in the communicator.
struct ProfiledWait {
  Nanoseconds ready = 0;  // all that it has to give was offered
  TimeSpan time;          // of the wait
  std::int64_t elements = 0, bytes = 0;
  std::vector<TimeSpan> means = {};  // taken in the background
};

struct ProfiledStep {
  Step step = 0;
  int worker = 0;
  Sync sync = Sync::kNone;
  Step period = 1;     // H of its round
  bool first = false;  // of its kind and worker in this session: makes code, takes memory
  Nanoseconds begin = 0, duration = 0;
  std::vector<ProfiledCall> calls = {};
  std::vector<ProfiledPart> parts = {};
  std::vector<ProfiledWait> waits = {};
};

struct ProfiledKernel {
  std::int64_t op = 0;  // id
  int worker = 0;
  std::string name = {};
  std::int64_t launches = 0;
  Nanoseconds duration = 0;  // of all of them
};

struct ProfileCost {
  double recording_seconds = 0;  // of all workers of the process
  double step_seconds = 0;       // of their steps, recorded or not, those that waited for a lane included
  std::int64_t steps = 0, recorded = 0;

  void add(const ProfileCost& more);
  double share() const { return step_seconds > 0 ? recording_seconds / step_seconds : 0; }
};

constexpr const char* kProfileDirectory = "profile";
std::filesystem::path profile_path(const std::filesystem::path& run, int process);

// Callable from any thread.
class ProfileFile {
 public:
  // Appends a session; a torn last line of one before, whose program was killed, goes.
  ProfileFile(const std::filesystem::path& path, const ProfileSession& session);

  // The id of an operation; the same for equal ones.
  std::int64_t id_of(const ProfiledOp& op);
  void write(const ProfiledStep& step);
  void write(const ProfiledKernel& kernel);
  // What a worker's recording cost since it said so last.
  void add(const ProfileCost& cost);
  ProfileCost cost() const;
  // After the last step.
  void write_end();

 private:
  mutable std::mutex mutex_;
  JsonLines lines_;
  OpIds ids_;
  ProfileCost cost_;
};

// Of one process.
struct RecordedSession {
  ProfileSession session;
  std::vector<ProfiledOp> ops;  // by id
  std::vector<ProfiledStep> steps;
  std::vector<ProfiledKernel> kernels;
  std::optional<ProfileCost> cost;  // where it came to its end
};

// The sessions that lie there; none where there is no such file.
std::int64_t sessions_in(const std::filesystem::path& path);

// Throws kData, naming file and line, for what is no profile. A torn last line is left out.
std::vector<RecordedSession> read_profile_file(const std::filesystem::path& path);

}  // namespace drift
