#include "tests/train/toy_team.h"

#include "engine/parameter_set.h"

namespace drift::testing {
namespace {

std::vector<float> joined_floats(const std::vector<ReplicaState>& states) {
  std::vector<float> floats;
  for (const ReplicaState& state : states) {
    for (const auto* arena : arenas_of(state)) {
      floats.insert(floats.end(), arena->begin(), arena->end());
    }
  }
  return floats;
}

// Reads the arenas of a worker, of the sizes that `like` has, from `floats` on.
ReplicaState next_state(const ReplicaState& like, const float*& floats) {
  ReplicaState state = like;
  for (auto* arena : arenas_of(state)) {
    std::copy_n(floats, arena->size(), arena->begin());
    floats += arena->size();
  }
  return state;
}

}  // namespace

Device toy_device() {
  return ToyTeam::job().device.value_or(Device{});
}

int shared_workers(int least) {
  const int processes = ToyTeam::job().processes;
  return (least + processes - 1) / processes * processes;
}

Membership toy_membership(int workers) {
  const Job& job = ToyTeam::job();
  job.control->gather("next run", "");
  if (workers > 1) return job.team_of(workers);
  Membership alone = Membership::alone(workers);
  alone.device = job.device;  // or the one that the run asks for
  return alone;
}

std::vector<ReplicaState> states_of_all(std::vector<ReplicaState> part, const Membership& membership) {
  const auto exchange = membership.make_exchange();
  if (!exchange) return part;
  const Team& team = membership.team;
  const std::vector<float> mine = joined_floats(part);
  std::vector<float> all(mine.size() * static_cast<std::size_t>(team.processes));
  std::ranges::copy(mine, all.begin() + team.process * std::ssize(mine));
  std::vector<std::size_t> ends;
  for (int process = 1; process <= team.processes; ++process) {
    ends.push_back(mine.size() * static_cast<std::size_t>(process));
  }
  const std::unique_ptr<Stream> stream = make_stream(toy_device(), 1);
  const std::unique_ptr<Backend> backend = make_backend(*stream);
  const Storage memory(toy_device(), all.size() * sizeof(float), exchange->memory());
  const std::span<float> floats(static_cast<float*>(memory.data()), all.size());
  backend->upload(all.data(), as_tensor(floats));
  exchange->all_gather(floats, ends, *backend);
  all = downloaded(floats, *backend);
  const float* next = all.data();
  std::vector<ReplicaState> states;
  for (int worker = 0; worker < team.workers; ++worker) states.push_back(next_state(part.front(), next));
  return states;
}

}  // namespace drift::testing
