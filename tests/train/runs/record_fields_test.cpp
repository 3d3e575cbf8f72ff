// The table of fields against what is written and read by it, and against the README.
#include "train/runs/record_fields.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <limits>
#include <vector>

#include "core/check.h"
#include "tests/support/error_of.h"

namespace drift {
namespace {

// One of each kind, every field a value of its own.
std::vector<Record> all_kinds() {
  const BeginRecord begin{.step = 1, .time = "2026-01-31T12:00:00Z", .host = "node"};
  const StepRecord step{.step = 2,
                        .epoch = 0.5,
                        .samples = 3,
                        .round = 4,
                        .period = 5,
                        .loss = 6.5,
                        .top1 = 0.75,
                        .lr = 0.125,
                        .sync = Sync::kParameters,
                        .images_per_second = 7.5,
                        .seconds = 8.5,
                        .times = {.upload_seconds = 0.875,
                                  .forward_seconds = 2.5,
                                  .backward_seconds = 3.5,
                                  .update_seconds = 4.5,
                                  .comm_seconds = 5.5,
                                  .data_seconds = 1.5,
                                  .enqueue_seconds = 1.25,
                                  .comm_host_seconds = 1.75},
                        .bytes = 9};
  const RoundRecord round{.step = 24,
                          .epoch = 25.5,
                          .round = 26,
                          .period = 27,
                          .loss = 28.5,
                          .consensus = 29.5,
                          .relative_consensus = 30.5,
                          .update = 31.5,
                          .cosine = 0.0625};
  EvalRecord evaluation{.step = 10,
                        .epoch = 11.5,
                        .loss = 12.5,
                        .top1 = 0.25,
                        .top5 = 0.5,
                        .correct = 13,
                        .correct_top5 = 14,
                        .total = 15,
                        .seconds = 16.5};
  const EvalRecord without_validation = evaluation;
  evaluation.validation = {.loss = 17.5, .top1 = 0.375, .top5 = 0.625, .correct = 18, .correct_top5 = 19, .total = 20};
  return {begin,
          step,
          round,
          without_validation,
          evaluation,
          CheckpointRecord{.step = 21, .path = "ckpt/step-21", .seconds = 22.5},
          EndRecord{.step = 23, .time = "2026-01-31T13:00:00Z", .status = "finished"}};
}

TEST(RecordFields, EachKindReadsBackAsItWasWritten) {
  for (const Record& record : all_kinds()) {
    const Json line = to_json(record);
    const Record read = record_from(line, "here");
    EXPECT_EQ(read.index(), record.index()) << line;
    EXPECT_EQ(to_json(read), line);
    EXPECT_EQ(step_of(read), step_of(record));
  }
}

TEST(RecordFields, AllHaveAValueOfTheirOwn) {
  for (const Record& record : all_kinds()) {
    const Json line = to_json(record);
    std::vector<std::string> values;
    for (const auto& [name, value] : line.items()) values.push_back(value.dump());
    std::ranges::sort(values);
    EXPECT_EQ(std::ranges::adjacent_find(values), values.end()) << line;
  }
}

TEST(RecordFields, ValidationIsThereWhereImagesAreHeldOut) {
  const auto kinds = all_kinds();
  EXPECT_FALSE(to_json(kinds[3]).contains("val_top1"));
  EXPECT_FALSE(std::get<EvalRecord>(record_from(to_json(kinds[3]), "")).validation);
  EXPECT_EQ(std::get<EvalRecord>(record_from(to_json(kinds[4]), "")).validation->correct, 18);
}

TEST(RecordFields, WhatIsNotFiniteIsNullAndReadsBackAsNoNumber) {
  StepRecord step;
  step.loss = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(to_json(step).at("loss").is_null());
  EXPECT_TRUE(std::isnan(std::get<StepRecord>(record_from(to_json(step), "")).loss));
}

TEST(RecordFields, AFieldOfAnotherTypeIsAnErrorThatNamesIt) {
  for (const Record& record : all_kinds()) {
    const Json line = to_json(record);
    for (const auto& [name, value] : line.items()) {
      Json wrong = line;
      wrong[name] = Json::array({1});
      const std::string message = testing::error_of([&] { record_from(wrong, "file:7"); }).message();
      EXPECT_TRUE(message.find("file:7: no record of a run: '" + name + "' must be ") != std::string::npos) << message;
      if (!value.is_number_integer()) continue;
      for (const Json& count : {Json(-1), Json(0.5), Json(std::int64_t{1} << 54), Json()}) {
        wrong[name] = count;
        EXPECT_EQ(testing::error_of([&] { record_from(wrong, "file:7"); }).kind(), ErrorKind::kData) << name;
      }
    }
  }
}

TEST(RecordFields, WhatEarlierVersionsDidNotWriteMayBeMissing) {
  const Json line = Json::parse(R"({"kind":"eval","step":1,"loss":2,"top1":0.5,"correct":4,"total":8,"t_eval":1})");
  const auto evaluation = std::get<EvalRecord>(record_from(line, ""));
  EXPECT_TRUE(std::isnan(evaluation.top5));
  EXPECT_EQ(evaluation.correct_top5, 0);
  Json without = line;
  without.erase("correct");
  const std::string message = testing::error_of([&] { record_from(without, "m:1"); }).message();
  EXPECT_NE(message.find("'correct' is missing in eval"), std::string::npos) << message;
}

TEST(RecordFields, AnUnknownKindOrSyncIsAnError) {
  const auto message = [](const char* line) {
    return testing::error_of([&] { record_from(Json::parse(line), "m:1"); }).message();
  };
  EXPECT_NE(message(R"({"kind":"stop"})").find("'kind' must be one of begin, step, round, eval, checkpoint, end"),
            std::string::npos);
  EXPECT_NE(message("{}").find("'kind' must be"), std::string::npos);
  Json step = to_json(StepRecord{});
  step["sync"] = "weights";
  EXPECT_NE(message(step.dump().c_str()).find("'sync' is \"weights\""), std::string::npos);
}

TEST(RecordFields, TheReadmeHasTheirTable) {
  std::ifstream file(DRIFT_README);
  const std::string readme(std::istreambuf_iterator<char>(file), {});
  EXPECT_NE(readme.find(record_fields_markdown()), std::string::npos) << "README.md does not have this text:\n\n"
                                                                      << record_fields_markdown();
}

}  // namespace
}  // namespace drift
