// Profiles that are written by hand: whole milliseconds, so that sums are seen at once.
#pragma once

#include <filesystem>
#include <gtest/gtest.h>

#include "tests/support/temp_directory.h"
#include "train/runs/profile_file.h"

namespace drift::testing {

inline constexpr Nanoseconds kMs = 1'000'000;

inline TimeSpan ms(std::int64_t begin, std::int64_t end) {
  return {begin * kMs, end * kMs};
}

inline ProfileSession session_of(int process, int processes, std::int64_t number = 0, Step first_step = 0) {
  return {.number = number,
          .process = process,
          .processes = processes,
          .first_step = first_step,
          .model = "resnet20",
          .workers = 2,
          .local_batch = 5,
          .rates = {.memory = {{1 << 20, 1e9}}, .multiply_adds = 1e9}};
}

inline const ProfiledOp kConvolution = {
    .op = "conv2d_forward", .part = "forward", .layer = "conv1", .bytes = 100, .multiply_adds = 2'000'000};
inline const ProfiledOp kUpdate = {
    .op = "sgd_update", .part = "update", .layer = "", .bytes = 1'000'000, .multiply_adds = 0};
inline const ProfiledOp kSum = {.op = "average", .part = "average", .layer = "", .bytes = 10, .multiply_adds = 0};

// 1 ms for a lane, 1 for the batch, the convolution, 1 of nothing, 2 for the update: 15 ms in all where that takes 10.
inline ProfiledStep local_step(Step step, int worker, ProfileFile& file, std::int64_t convolution = 10) {
  return {.step = step,
          .worker = worker,
          .sync = Sync::kNone,
          .period = 4,
          .duration = ms(0, 5 + convolution).end,
          .calls = {{.op = file.id_of(kConvolution), .time = ms(2, 2 + convolution)},
                    {.op = file.id_of(kUpdate), .time = ms(3 + convolution, 5 + convolution)}},
          .parts = {{.name = "batch", .time = ms(1, 2)}}};
}

// With a wait of so many ms at its end, 1 of them for a sum of its own.
inline ProfiledStep round_end(Step step, int worker, ProfileFile& file, std::int64_t wait) {
  ProfiledStep last = local_step(step, worker, file);
  last.sync = Sync::kParameters;
  last.duration += wait * kMs;
  last.calls.push_back({.op = file.id_of(kSum), .time = ms(15, 16)});
  last.waits = {{.ready = ms(0, 15).end, .time = ms(15, 15 + wait), .elements = 4, .bytes = 16}};
  return last;
}

class ProfiledRun : public ::testing::Test {
 protected:
  ProfileFile open(int process = 0, int processes = 1, std::int64_t number = 0, Step first_step = 0) const {
    std::filesystem::create_directories(directory_ / "profile");
    return {profile_path(directory_.path(), process), session_of(process, processes, number, first_step)};
  }
  const TempDirectory directory_;
};

}  // namespace drift::testing
