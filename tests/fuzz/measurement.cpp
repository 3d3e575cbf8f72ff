// The measurement that drift predict --from takes, and what is said from it.
#include <string>

#include "analysis/predict/predictions.h"
#include "tests/fuzz/target.h"
#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"

using namespace drift;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const testing::TempDirectory directory;
  const std::filesystem::path file = directory / "measurement.json";
  testing::set_file_text(file, std::string(testing::text_of(data, size)));
  StepMeasurement measurement;
  if (!testing::is_read(ErrorKind::kData, [&] { measurement = read_measurement(file); })) return 0;
  if (measurement.floats > 1 << 22) return 0;  // its exchange has many messages
  const PredictionQuestion question = {
      .periods = {1, 64}, .processes = {1, 3}, .links = {{"a", {.bytes_per_second = 1e8, .latency_seconds = 1e-4}}}};
  const Predictions predictions(measurement, question);
  (void)predictions.text();
  (void)predictions.json().dump();
  return 0;
}
