// What a run begins with: its config, and the checkpoint that it goes on from, if there is one.
//
//   --resume RUN              the same run, bit for bit; options that decide its bits are the checkpoint's
//   --resume auto --out RUN   that, or a new run if there is none; damaged checkpoints are passed over
//   --resume RUN --change X   a branch: a run of its own from there on, with other values of some options
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "comm/membership.h"
#include "core/json_lines.h"
#include "train/checkpoint/checkpoint.h"
#include "train/config/resolve.h"
#include "train/trainer.h"

namespace drift {

struct Request {
  std::vector<SettingLayer> layers;  // what somebody gave, in the order in which it counts
  std::string command;               // for the record; a shell can read it
  ResolvedConfig resolved = {};
  std::optional<FoundCheckpoint> checkpoint = {};
  std::vector<ChangedOption> changes = {};  // of a branch
  bool takes_any = false;                   // --resume auto

  bool is_branch() const { return !resolved.config.files.change.empty(); }
};

// Reads no more of a checkpoint than its meta.json.
Request resolve_request(std::vector<SettingLayer> layers, std::string command);

// The states that the workers of this process begin with, or nothing for a new run. All processes of the team call it:
// a checkpoint that is damaged for one of them is passed over by all, where the request takes any; the request is then
// of the one before it. Throws kCheckpoint.
std::optional<Checkpoint> read_start(Request& request, const Membership& membership);

// Throws kData unless `data` (data/fingerprint.h) is what the checkpoint's run was trained on. For one without a
// checkpoint, and for a branch that changes it, anything is.
void check_data(const Request& request, const std::string& data);

// Of a request with a checkpoint. Throws kUsage where the run would go on on another kind of device, unless a branch
// changes it; says what else may change its last bits.
void check_conditions(const Request& request, const Trainer& trainer);

// Restores `start` in the trainer. A branch with other steps per epoch begins at the same epoch, rounded down.
void begin_from(const Request& request, Checkpoint start, Trainer& trainer);

// branch.json: where the run comes from and what changed. Null for a run that is no branch.
Json describe_branch(const Request& request, const Trainer& trainer);

}  // namespace drift
