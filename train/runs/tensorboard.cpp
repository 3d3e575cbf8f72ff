#include "train/runs/tensorboard.h"

#include <chrono>
#include <cmath>
#include <vector>

#include "train/config/toml.h"
#include "train/runs/record_fields.h"

namespace drift {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Of the fields that have a tag; what is not there, or not finite, is left out.
template <class R>
std::vector<Scalar> scalars_of(const R& record) {
  std::vector<Scalar> scalars;
  for (const Field<R>& field : fields_of<R>()) {
    if (field.text.tag.empty()) continue;
    const Json value = field.get(record);
    if (value.is_number()) scalars.push_back({.tag = field.text.tag, .value = value.template get<double>()});
  }
  return scalars;
}

}  // namespace

TensorBoard::TensorBoard(const std::filesystem::path& directory, const TrainConfig& config, Step first_step)
    : file_(directory, std::floor(now())) {
  if (first_step > 0) file_.begin_session(now(), first_step + 1);
  std::string settings;  // four spaces in front are a block of code in Markdown
  for (const char c : "    " + config_to_toml(config)) {
    settings += c;
    if (c == '\n') settings += "    ";
  }
  file_.write_text(now(), "config", settings);
}

void TensorBoard::step(const StepRecord& record) {
  file_.write(now(), record.step + 1, scalars_of(record));
}

void TensorBoard::round(const RoundRecord& record) {
  file_.write(now(), record.step + 1, scalars_of(record));
}

void TensorBoard::evaluation(const EvalRecord& record) {
  file_.write(now(), record.step, scalars_of(record));
}

}  // namespace drift
