#include "analysis/ledger/trace.h"

#include <fmt/format.h>
#include <utility>

#include "core/json_lines.h"
#include "tests/analysis/profiled_run.h"

namespace drift {
namespace {

using testing::kMs;
using testing::local_step;
using testing::ms;
using testing::round_end;

class TraceTest : public testing::ProfiledRun {
 protected:
  static Json trace_of(const Profile& profile) {
    std::string text;
    write_trace(profile, [&](std::string_view piece) { text += piece; });
    return Json::parse(text).at("traceEvents");
  }
};

// The clock of process 1 is 1000 ms ahead. In step 1 nobody waits; in step 2 worker 1 comes 6 ms later.
TEST_F(TraceTest, ClocksAreThoseOfTheFirstProcess) {
  ProfileFile first = open(0, 2), second = open(1, 2);
  const auto write = [](ProfileFile& file, ProfiledStep step, std::int64_t begin) {
    step.begin = begin * kMs;
    file.write(step);
  };
  write(first, local_step(1, 0, first), 50);
  write(second, local_step(1, 1, second), 1050);
  write(first, round_end(2, 0, first, 8), 70);
  write(second, round_end(2, 1, second, 2), 1076);
  write(first, local_step(3, 0, first), 100);
  write(second, local_step(3, 1, second), 1100);
  const Profile profile = read_profile(directory_.path());
  EXPECT_EQ(clock_offsets(profile), (std::vector<Nanoseconds>{0, -1000 * kMs, 0, -1000 * kMs, 0, -1000 * kMs}));
  std::vector<std::string> steps;
  for (const Json& event : trace_of(profile)) {
    if (event.value("cat", "") != "step") continue;
    steps.push_back(fmt::format("{}.{} {} {} {}", event.at("pid").get<int>(), event.at("tid").get<int>(),
                                event.at("name").get<std::string>(), event.at("ts").get<double>(),
                                event.at("dur").get<double>()));
  }
  EXPECT_EQ(steps, (std::vector<std::string>{"0.1 local step 0 15000", "1.2 local step 0 15000",
                                             "0.1 round end 20000 23000", "1.2 round end 26000 17000",
                                             "0.1 local step 50000 15000", "1.2 local step 50000 15000"}));
}

// The clock of process 1 is 1000 ms ahead, and seems to be one more or less at single steps: these must not overlap.
TEST_F(TraceTest, OneOffsetIsTakenForAllStepsOfAShortRun) {
  ProfileFile first = open(0, 2), second = open(1, 2);
  for (const Step step : {1, 2, 3}) {
    ProfiledStep own = round_end(step, 0, first, 2), other = round_end(step, 1, second, 2);
    own.begin = 20 * step * kMs;
    other.begin = own.begin + (998 + step) * kMs;
    first.write(own);
    second.write(other);
  }
  EXPECT_EQ(clock_offsets(read_profile(directory_.path())),
            (std::vector<Nanoseconds>{0, -1000 * kMs, 0, -1000 * kMs, 0, -1000 * kMs}));
}

// The last step ends with averages within nodes: the processes did not meet, and it tells nothing of their clocks.
TEST_F(TraceTest, ClocksAreThoseOfStepsInWhichProcessesMeet) {
  ProfileFile first = open(0, 2), second = open(1, 2);
  for (const Step step : {1, 2, 3, 4, 5}) {
    ProfiledStep own = round_end(step, 0, first, 2), other = round_end(step, 1, second, 2);
    own.begin = 20 * step * kMs;
    other.begin = own.begin + (step < 3 ? 1000 : 1005) * kMs;
    if (step >= 3) own.sync = other.sync = Sync::kNode;
    first.write(own);
    second.write(other);
  }
  const std::vector<Nanoseconds> offsets = clock_offsets(read_profile(directory_.path()));
  for (std::size_t i = 0; i < offsets.size(); ++i) EXPECT_EQ(offsets[i], i % 2 == 0 ? 0 : -1000 * kMs) << i;
}

// It gains a millisecond a minute.
TEST_F(TraceTest, ClocksMayGoAtRatesOfTheirOwn) {
  ProfileFile first = open(0, 2), second = open(1, 2);
  for (const Step step : {0, 2, 4, 6}) {
    ProfiledStep own = round_end(step, 0, first, 2), other = round_end(step, 1, second, 2);
    own.begin = 60'000 * step * kMs;
    other.begin = own.begin + (7 + step) * kMs;
    first.write(own);
    second.write(other);
  }
  const std::vector<Nanoseconds> offsets = clock_offsets(read_profile(directory_.path()));
  for (const std::size_t step : {0u, 1u, 2u, 3u}) {
    EXPECT_NEAR(static_cast<double>(offsets[2 * step + 1]), -1e6 * (7.0 + 2.0 * static_cast<double>(step)), 1e3);
  }
}

// What the format asks for, and that slices of a thread lie inside each other or apart.
TEST_F(TraceTest, EventsAreThoseOfTheFormat) {
  {
    ProfileFile file = open();
    for (const int worker : {0, 1}) {
      ProfiledStep step = round_end(1, worker, file, 8);
      step.begin = 7 * kMs;
      step.waits[0].means = {ms(16, 19), ms(19, 22)};
      file.write(step);
    }
  }
  std::map<std::pair<int, int>, std::vector<std::pair<double, double>>> open_slices;
  std::map<std::string, int> names;
  for (const Json& event : trace_of(read_profile(directory_.path()))) {
    const std::string phase = event.at("ph").get<std::string>(), name = event.at("name").get<std::string>();
    ASSERT_TRUE(phase == "X" || phase == "M") << phase;
    if (phase == "M") {
      ++names[event.at("args").at("name").get<std::string>()];
      continue;
    }
    ++names[name];
    const double begin = event.at("ts").get<double>(), end = begin + event.at("dur").get<double>();
    auto& others = open_slices[{event.at("pid").get<int>(), event.at("tid").get<int>()}];
    for (const auto& [from, to] : others) {
      const bool inside = from <= begin && end <= to, around = begin <= from && to <= end;
      EXPECT_TRUE(inside || around || end <= from || to <= begin) << name << " from " << begin << " to " << end;
    }
    others.emplace_back(begin, end);
  }
  EXPECT_EQ(names, (std::map<std::string, int>{{"process 0", 1},
                                               {"worker 0", 1},
                                               {"worker 1", 1},
                                               {"averages in the background", 1},
                                               {"round end", 2},
                                               {"batch", 2},
                                               {"wait", 2},
                                               {"mean", 2},
                                               {"conv2d_forward", 2},
                                               {"sgd_update", 2},
                                               {"average", 2}}));
}

// The machine began anew in between: its clock too.
TEST_F(TraceTest, SessionsFollowEachOther) {
  {
    ProfileFile file = open();
    for (const int worker : {0, 1}) {
      ProfiledStep step = local_step(1, worker, file);
      step.begin = 900 * kMs;
      file.write(step);
    }
  }
  {
    ProfileFile file = open(0, 1, 1, /*first_step=*/2);
    for (const int worker : {0, 1}) {
      ProfiledStep step = local_step(2, worker, file);
      step.begin = 3 * kMs;
      file.write(step);
    }
  }
  std::vector<double> begins;
  for (const Json& event : trace_of(read_profile(directory_.path()))) {
    if (event.value("cat", "") == "step") begins.push_back(event.at("ts").get<double>());
  }
  EXPECT_EQ(begins, (std::vector<double>{0, 0, 1015000, 1015000}));
}

}  // namespace
}  // namespace drift
