#include "tests/emulator/ptx/execute.h"

#include <algorithm>
#include <map>

namespace drift::emulator::ptx {
namespace {

constexpr u32 kMostApart = 16;  // instructions that a group runs alone
constexpr u32 kOneInSplits = 64, kOneInForks = 4, kOneInBranches = 16, kOneInAlone = 4;

// In order, the group with the smallest pc runs, up to where another group stands: so lanes that parted meet again at
// the first instruction they share. With a seed any group may go on alone for a while, lanes that stand together may
// part, and at branches another group may be next: nothing but *.sync instructions makes lanes wait for each other.
class Executor {
 public:
  Executor(Warp& warp, u64 quantum)
      : warp_(warp),
        block_(*warp.block),
        code_(block_.program->code.data()),
        quantum_(quantum),
        seeded_(block_.options->seed != 0) {}
  ~Executor() {
    block_.statistics->warp_instructions += executed_;
    block_.statistics->thread_instructions += threads_;
  }
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  void run() {
    while (!warp_.groups.empty() && executed_ <= quantum_) {
      if (warp_.groups.size() > 1) merge();
      if (!pick()) return;
      run_group();
    }
  }

 private:
  // kStay: go on at pc_ with mask_; kSwitch: another group may be next, this one's state is in warp_.groups.
  enum class Next : u8 { kStay, kSwitch };

  void merge();
  bool pick();
  bool one_in(u32 count) { return seeded_ && block_.draw(count) == 0; }
  void stray();
  void split();
  void run_group();
  u32 limit() const;
  Next control(const Instruction& i, u32 mask);
  Next branch(const Instruction& i, u32 mask);
  Next indexed_branch(const Instruction& i, u32 mask);
  Next exit(u32 mask);
  Next exchange(const Instruction& i, u32 mask);
  Next together(const Instruction& i, u32 mask);
  Next barrier(const Instruction& i, u32 mask);
  Next park(GroupState state) {
    warp_.groups[group_] = {pc_, mask_, state, 0};
    return Next::kSwitch;
  }

  Warp& warp_;
  Block& block_;
  const Instruction* code_;
  u64 quantum_, executed_ = 0, threads_ = 0;
  const bool seeded_;
  u64 alone_until_ = 0;    // of executed_: so long the group does not look at others
  std::size_t group_ = 0;  // the one that runs; its pc and mask are kept here meanwhile
  u32 pc_ = 0, mask_ = 0;
  u32 limit_ = 0;  // the pc at which to look for other groups
};

void Executor::merge() {
  std::vector<Group>& groups = warp_.groups;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    for (std::size_t j = groups.size() - 1; j > i; --j) {
      const bool waits_i = groups[i].state == GroupState::kAtBarrier,
                 waits_j = groups[j].state == GroupState::kAtBarrier;
      if (groups[i].pc != groups[j].pc || waits_i != waits_j) continue;
      groups[i].mask |= groups[j].mask;
      if (!waits_i) groups[i].state = GroupState::kRunning;
      groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(j));
    }
  }
}

bool Executor::pick() {
  const Group* best = nullptr;
  const Group* stuck = nullptr;
  for (const Group& group : warp_.groups) {
    if (group.state == GroupState::kRunning && (best == nullptr || group.pc < best->pc)) best = &group;
    if (group.state == GroupState::kWaitsForLanes) stuck = &group;
  }
  if (best == nullptr) {
    if (stuck != nullptr) {
      fail_at(warp_, code_[stuck->pc], first_lane(stuck->mask),
              code_[stuck->pc].e == kNone ? "warp deadlock: all lanes are wanted, some never arrive"
                                          : "warp deadlock: the member mask names lanes that never arrive");
    }
    return false;
  }
  group_ = static_cast<std::size_t>(best - warp_.groups.data());
  alone_until_ = 0;
  if (seeded_) stray();
  pc_ = warp_.groups[group_].pc;
  mask_ = warp_.groups[group_].mask;
  limit_ = limit();
  return true;
}

// Lets another group than the first go on, or a part of the only one.
void Executor::stray() {
  if (warp_.groups.size() == 1) {
    if (one_in(kOneInSplits)) split();
    return;
  }
  if (!one_in(kOneInAlone)) return;
  u32 running = 0;
  for (std::size_t k = 0; k < warp_.groups.size(); ++k) {
    if (warp_.groups[k].state != GroupState::kRunning) continue;
    if (block_.draw(++running) == 0) group_ = k;
  }
  alone_until_ = executed_ + 1 + block_.draw(kMostApart);
}

void Executor::split() {
  Group& group = warp_.groups[group_];
  const u32 part = group.mask & block_.draw(kAllLanes);
  if (part == 0 || part == group.mask) return;
  const Group rest = {group.pc, group.mask & ~part, GroupState::kRunning, 0};
  group.mask = part;
  warp_.groups.push_back(rest);
  alone_until_ = executed_ + 1 + block_.draw(kMostApart);
}

// Groups that wait for lanes are behind or ahead; those ahead are to be met.
u32 Executor::limit() const {
  if (executed_ < alone_until_) return pc_ + static_cast<u32>(alone_until_ - executed_);
  u32 result = ~0u;
  if (warp_.groups.size() == 1) return result;
  for (std::size_t k = 0; k < warp_.groups.size(); ++k) {
    const Group& group = warp_.groups[k];
    const bool counts =
        group.state == GroupState::kRunning || (group.state == GroupState::kWaitsForLanes && group.pc >= pc_);
    if (k != group_ && counts) result = std::min(result, group.pc);
  }
  return result;
}

void Executor::run_group() {
  u32 pc = pc_, mask = mask_;
  u32 lanes = static_cast<u32>(std::popcount(mask));
  for (;;) {
    const Instruction& i = code_[pc];
    u32 active = mask;
    if (i.guard != kNone) {
      const u32 guard = warp_.predicate(i.guard);
      active &= i.guard_negated ? ~guard : guard;
    }
    ++executed_;
    ++warp_.instructions;
    threads_ += lanes;
    if (i.kind == Kind::kPlain) [[likely]] {
      if (active != 0) i.run(warp_, i, active);
      ++pc;
    } else {
      pc_ = pc;
      if (control(i, active) == Next::kSwitch) return;
      pc = pc_;
      mask = mask_;
      lanes = static_cast<u32>(std::popcount(mask));
    }
    if (pc >= limit_) break;
  }
  pc_ = pc;
  mask_ = mask;
  park(GroupState::kRunning);
}

Executor::Next Executor::control(const Instruction& i, u32 mask) {
  if (mask == 0) {
    ++pc_;
    return Next::kStay;
  }
  switch (i.kind) {
    case Kind::kBranch:
      return branch(i, mask);
    case Kind::kIndexedBranch:
      return indexed_branch(i, mask);
    case Kind::kExit:
      return exit(mask);
    case Kind::kWarpSync:
      return exchange(i, mask);
    case Kind::kBarrier:
      return barrier(i, mask);
    default:
      fail_at(warp_, i, first_lane(mask), "trap");
  }
}

Executor::Next Executor::branch(const Instruction& i, u32 mask) {
  const u32 target = static_cast<u32>(i.target);
  const bool backward = target <= pc_;
  const u64 most = block_.options->max_warp_instructions;
  if (backward && most != 0 && warp_.instructions > most) {
    fail_at(warp_, i, first_lane(mask),
            "the kernel runs on without end: a warp has run " + std::to_string(warp_.instructions) +
                " instructions in this block");
  }
  const bool forks = mask != mask_;
  if (!forks) {
    pc_ = target;
    if (backward && executed_ > quantum_) return park(GroupState::kRunning);
  } else {
    warp_.groups.push_back({target, mask, GroupState::kRunning, 0});
    mask_ &= ~mask;
    ++pc_;
  }
  if (warp_.groups.size() > 1 && one_in(forks ? kOneInForks : kOneInBranches)) return park(GroupState::kRunning);
  limit_ = limit();
  return Next::kStay;
}

Executor::Next Executor::indexed_branch(const Instruction& i, u32 mask) {
  const std::vector<u32>& table = block_.program->jump_tables[static_cast<std::size_t>(i.target)];
  const u32* index = warp_.lanes<u32>(i.a);
  std::map<u32, u32> lanes_by_target;
  if (mask != mask_) lanes_by_target[pc_ + 1] = mask_ & ~mask;
  each_lane(mask, [&](int lane) {
    if (index[lane] >= table.size()) fail_at(warp_, i, lane, "brx.idx: the index is out of range");
    lanes_by_target[table[index[lane]]] |= 1u << lane;
  });
  warp_.groups.erase(warp_.groups.begin() + static_cast<std::ptrdiff_t>(group_));
  for (const auto& [target, lanes] : lanes_by_target) {
    warp_.groups.push_back({target, lanes, GroupState::kRunning, 0});
  }
  return Next::kSwitch;
}

// Lanes that have gone are no longer waited for.
Executor::Next Executor::exit(u32 mask) {
  warp_.alive &= ~mask;
  mask_ &= ~mask;
  for (Group& group : warp_.groups) {
    if (group.state == GroupState::kWaitsForLanes) group.state = GroupState::kRunning;
  }
  ++pc_;
  if (mask_ != 0) return park(GroupState::kRunning);
  warp_.groups.erase(warp_.groups.begin() + static_cast<std::ptrdiff_t>(group_));
  return Next::kSwitch;
}

// ldmatrix and mma name no members: they run when all lanes of the warp are here, and all must be alive.
Executor::Next Executor::together(const Instruction& i, u32 mask) {
  if (warp_.alive != kAllLanes || (mask_ == kAllLanes && mask != kAllLanes)) {
    fail_at(warp_, i, first_lane(mask), "all 32 lanes of the warp must run this instruction, some do not");
  }
  if (mask_ != kAllLanes) return park(GroupState::kWaitsForLanes);
  i.run(warp_, i, mask);
  ++pc_;
  return Next::kStay;
}

// shfl.sync and its like run when all lanes named by the member mask are here.
Executor::Next Executor::exchange(const Instruction& i, u32 mask) {
  if (i.e == kNone) return together(i, mask);
  const u32* members = warp_.lanes<u32>(i.e);
  u32 needed = 0;
  each_lane(mask, [&](int lane) {
    if ((members[lane] >> lane & 1) == 0) fail_at(warp_, i, lane, "the member mask does not name the executing lane");
    needed |= members[lane];
  });
  needed &= warp_.alive;
  if ((needed & ~mask_) != 0) return park(GroupState::kWaitsForLanes);
  if ((needed & ~mask) != 0) {
    fail_at(warp_, i, first_lane(mask), "lanes named in the member mask are predicated off");
  }
  i.run(warp_, i, mask);
  ++pc_;
  return Next::kStay;
}

Executor::Next Executor::barrier(const Instruction& i, u32 mask) {
  if (mask != mask_) fail_at(warp_, i, first_lane(mask), "the barrier is predicated off for some lanes of the warp");
  const u32 barrier = warp_.lanes<u32>(i.a)[first_lane(mask)];
  if (barrier >= kBarriers) fail_at(warp_, i, first_lane(mask), "there is no barrier " + std::to_string(barrier));
  park(GroupState::kAtBarrier);
  warp_.groups[group_].barrier = barrier;
  return Next::kSwitch;
}

}  // namespace

void run_warp(Warp& warp, u64 quantum) {
  Executor(warp, quantum).run();
}

bool can_run(const Warp& warp) {
  return std::any_of(warp.groups.begin(), warp.groups.end(),
                     [](const Group& group) { return group.state != GroupState::kAtBarrier; });
}

}  // namespace drift::emulator::ptx
