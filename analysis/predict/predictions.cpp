#include "analysis/predict/predictions.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "core/text_table.h"

namespace drift {
namespace {

using Row = std::vector<std::string>;

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

std::string ms_text(double seconds) {
  return fmt::format("{:.2f}", 1e3 * seconds);
}

Predictions::Predictions(StepMeasurement measurement, PredictionQuestion question)
    : measurement_(std::move(measurement)), question_(std::move(question)) {
  for (const NamedLink& link : question_.links) {
    for (const int processes : question_.processes) {
      Predictor predictor(measurement_, setting_of(question_.way, measurement_, processes, link.link));
      const Step enough = predictor.enough();
      settings_.push_back({link, processes, std::move(predictor), enough});
    }
  }
}

std::string Predictions::text() const {
  std::vector<Row> rows = {{"link", "K", "P", "H", "ms a step", "from - to", "exposed", "waiting", "taken", "images/s",
                            "of local speed", "MB sent a step"}};
  std::vector<Row> enough = {{"link", "K", "H", "images/s there", "of local speed"}};
  for (const Setting& setting : settings_) {
    for (const Step period : question_.periods) {
      rows.push_back(row_of(setting.predictor, setting.link.name, setting.processes, period, measurement_.local()));
    }
    const Prediction there = setting.predictor.at(setting.enough);
    enough.push_back({setting.link.name, std::to_string(setting.predictor.workers()), std::to_string(setting.enough),
                      fmt::format("{:.0f}", there.images_per_second),
                      fmt::format("{:.1f} %", 100 * measurement_.local() / there.seconds)});
  }
  return fmt::format(
      "{}\nprediction, averages {}; ms of a step on average: exposed to the link, waiting for the slowest worker, "
      "taken from backward\n{}\n"
      "from this H on twice as many local steps give less than 1 % more images a second\n{}",
      head_text(measurement_), question_.way.overlap ? "beside backward" : "behind backward",
      text_table(rows, "<>>>>>>>>>>>"), text_table(enough, "<>>>>"));
}

Json Predictions::json() const {
  Json rows = Json::array();
  for (const Setting& setting : settings_) {
    for (const Step period : question_.periods) {
      const Prediction p = setting.predictor.at(period);
      rows.push_back({{"link", setting.link.name},
                      {"bytes_per_s", setting.link.link.bytes_per_second},
                      {"latency", setting.link.link.latency_seconds},
                      {"workers", setting.predictor.workers()},
                      {"processes", setting.processes},
                      {"H", period},
                      {"step", p.seconds},
                      {"low", p.low},
                      {"high", p.high},
                      {"exposed", p.exposed},
                      {"waiting", p.waiting},
                      {"taken", p.taken},
                      {"images_per_s", p.images_per_second},
                      {"bytes", p.bytes},
                      {"enough", setting.enough}});
    }
  }
  return {{"measurement", measurement_json(measurement_)},
          {"overlap", question_.way.overlap},
          {"bucket_mb", question_.way.bucket_megabytes},
          {"arenas", question_.way.arenas},
          {"predictions", rows}};
}

}  // namespace drift
