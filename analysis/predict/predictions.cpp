#include "analysis/predict/prediction_text.h"

#include <algorithm>
#include <fmt/format.h>

#include "core/text_table.h"
#include "train/step/buckets.h"

namespace drift {
namespace {

using Row = std::vector<std::string>;

std::string ms_text(double seconds) {
  return fmt::format("{:.2f}", 1e3 * seconds);
}

// Where steps that are all alike took so different times, something else was at work.
std::string busy_text(const StepMeasurement& measurement) {
  constexpr double kQuiet = 0.1;
  const double apart = std::max(measurement.noise, measurement.spread);
  if (apart <= kQuiet * measurement.local()) return "";
  return fmt::format("steps differed by {:.0f} %: something disturbed them, and what is predicted is of such an hour\n",
                     100 * apart / measurement.local());
}

std::string head_text(const StepMeasurement& measurement) {
  const double bytes = sizeof(float) * static_cast<double>(measurement.floats);
  return fmt::format(
      "{}, {} images a worker, {} worker{} in each process: {}\n"
      "a local step: {} ms ({} before backward, {} backward, {} behind it), +- {}; a worker's steps scatter by {}\n"
      "averaged: {:.3f} MB, which takes {} ms beside backward and {} behind it, before any link\n{}",
      measurement.model, measurement.local_batch, measurement.workers_per_process,
      measurement.workers_per_process == 1 ? "" : "s", measurement.origin, ms_text(measurement.local()),
      ms_text(measurement.forward), ms_text(measurement.backward), ms_text(measurement.update),
      ms_text(measurement.noise), ms_text(measurement.spread), 1e-6 * bytes,
      fmt::format("{} and {} a bucket", ms_text(measurement.overlapped.per_byte * bytes),
                  ms_text(measurement.overlapped.per_bucket)),
      ms_text(measurement.behind.per_byte * bytes), busy_text(measurement));
}

Row row_of(const Predictor& predictor, const std::string& link, int processes, Step period, double local) {
  const Prediction p = predictor.at(period);
  return {link,
          std::to_string(predictor.workers()),
          std::to_string(processes),
          std::to_string(period),
          ms_text(p.seconds),
          fmt::format("{} - {}", ms_text(p.low), ms_text(p.high)),
          ms_text(p.exposed),
          ms_text(p.waiting),
          ms_text(p.taken),
          fmt::format("{:.0f}", p.images_per_second),
          fmt::format("{:.1f} %", 100 * local / p.seconds),
          fmt::format("{:.3f}", 1e-6 * p.bytes)};
}

}  // namespace

AveragingSetting setting_of(const PredictionQuestion& question, const StepMeasurement& measurement, int processes,
                            const LinkOptions& link) {
  return {.processes = processes,
          .link = link,
          .overlap = question.overlap && processes > 1,
          .bucket_bytes = bucket_bytes(question.bucket_megabytes, measurement.floats),
          .arenas = question.arenas};
}

std::string prediction_text(const StepMeasurement& measurement, const PredictionQuestion& question) {
  std::vector<Row> rows = {{"link", "K", "P", "H", "ms a step", "from - to", "exposed", "waiting", "taken", "images/s",
                            "of local speed", "MB sent a step"}};
  std::vector<Row> enough = {{"link", "K", "H", "images/s there", "of local speed"}};
  for (const NamedLink& link : question.links) {
    for (const int processes : question.processes) {
      const Predictor predictor(measurement, setting_of(question, measurement, processes, link.link));
      for (const Step period : question.periods) {
        rows.push_back(row_of(predictor, link.name, processes, period, measurement.local()));
      }
      const Step period = predictor.enough();
      const Prediction there = predictor.at(period);
      enough.push_back({link.name, std::to_string(predictor.workers()), std::to_string(period),
                        fmt::format("{:.0f}", there.images_per_second),
                        fmt::format("{:.1f} %", 100 * measurement.local() / there.seconds)});
    }
  }
  return fmt::format(
      "{}\nprediction, averages {}; ms of a step on average: exposed to the link, waiting for the slowest worker, "
      "taken from backward\n{}\n"
      "from this H on twice as many local steps give less than 1 % more images a second\n{}",
      head_text(measurement), question.overlap ? "beside backward" : "behind backward",
      text_table(rows, "<>>>>>>>>>>>"), text_table(enough, "<>>>>"));
}

Json prediction_json(const StepMeasurement& measurement, const PredictionQuestion& question) {
  Json rows = Json::array();
  for (const NamedLink& link : question.links) {
    for (const int processes : question.processes) {
      const Predictor predictor(measurement, setting_of(question, measurement, processes, link.link));
      const Step enough = predictor.enough();
      for (const Step period : question.periods) {
        const Prediction p = predictor.at(period);
        rows.push_back({{"link", link.name},
                        {"bytes_per_s", link.link.bytes_per_second},
                        {"latency", link.link.latency_seconds},
                        {"workers", predictor.workers()},
                        {"processes", processes},
                        {"H", period},
                        {"step", p.seconds},
                        {"low", p.low},
                        {"high", p.high},
                        {"exposed", p.exposed},
                        {"waiting", p.waiting},
                        {"taken", p.taken},
                        {"images_per_s", p.images_per_second},
                        {"bytes", p.bytes},
                        {"enough", enough}});
      }
    }
  }
  return {{"measurement", measurement_json(measurement)},
          {"overlap", question.overlap},
          {"bucket_mb", question.bucket_megabytes},
          {"arenas", question.arenas},
          {"predictions", rows}};
}

}  // namespace drift
