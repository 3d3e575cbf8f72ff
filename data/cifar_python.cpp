#include "data/cifar_python.h"

#include "core/check.h"
#include "core/pickle.h"

namespace drift {
namespace {

constexpr std::string_view kReconstruct = "numpy.core.multiarray._reconstruct",
                           kReconstructSince2 = "numpy._core.multiarray._reconstruct", kArray = "numpy.ndarray",
                           kType = "numpy.dtype";
constexpr std::string_view kGlobals[] = {kReconstruct, kReconstructSince2, kArray, kType};

PickleRules rules(const std::string& place) {
  return {.file = place, .kind = ErrorKind::kData, .globals = kGlobals};
}

PickleValue entry(const PickleValue& dict, std::string_view key, PickleKind kind, const std::string& place) {
  DRIFT_CHECK(kData, dict.is(PickleKind::kDict), "{}: holds {}; expected a dict", place, name_of(dict.kind()));
  const std::optional<PickleValue> value = dict.find(key);
  DRIFT_CHECK(kData, value, "{}: its dict has no '{}'", place, key);
  DRIFT_CHECK(kData, value->is(kind), "{}: '{}' is {}; expected {}", place, key, name_of(value->kind()), name_of(kind));
  return *value;
}

bool is_string(const PickleValue& value, std::string_view text) {
  return (value.is(PickleKind::kBytes) || value.is(PickleKind::kText)) && value.string() == text;
}

// dtype('uint8'): its arguments say all, its state nothing more.
bool is_type_of_bytes(const PickleValue& value) {
  return value.is_call_of(kType) && value.arguments().size() > 0 && is_string(value.arguments()[0], "u1");
}

bool is_integer(const PickleValue& value, std::int64_t number) {
  return value.is(PickleKind::kInteger) && value.integer() == number;
}

// The bytes of an array of N rows of kCifarPixels. Its state is (version, shape, type, is in Fortran's order, bytes).
std::string_view rows(const PickleValue& value, std::int64_t n, const std::string& place) {
  const auto require = [&](bool good) {
    DRIFT_CHECK(kData, good, "{}: 'data' is not an array of NumPy of {} x {} bytes (uint8), one row for each label",
                place, n, kCifarPixels);
  };
  require(value.is_call_of(kReconstruct) || value.is_call_of(kReconstructSince2));
  const std::optional<PickleValue> state = value.state();
  require(state && state->is(PickleKind::kTuple) && state->size() == 5);
  const PickleValue shape = (*state)[1], fortran = (*state)[3], bytes = (*state)[4];
  require(shape.is(PickleKind::kTuple) && shape.size() == 2 && is_integer(shape[0], n) &&
          is_integer(shape[1], kCifarPixels));
  require(is_type_of_bytes((*state)[2]));
  require(is_integer(fortran, 0) || (fortran.is(PickleKind::kBool) && !fortran.boolean()));
  require(bytes.is(PickleKind::kBytes) && std::ssize(bytes.string()) == n * kCifarPixels);
  return bytes.string();
}

std::vector<std::int32_t> labels_of(const PickleValue& list, const CifarLayout& layout, const std::string& place) {
  const int classes = layout.labels.back().classes;
  std::vector<std::int32_t> labels;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const PickleValue label = list[i];
    DRIFT_CHECK(kData, label.is(PickleKind::kInteger), "{}: label {} is {}; expected an integer", place, i,
                name_of(label.kind()));
    DRIFT_CHECK(kData, 0 <= label.integer() && label.integer() < classes, "{}: {} {} (record {}); expected 0..{}",
                place, layout.labels.back().name, label.integer(), i, classes - 1);
    labels.push_back(static_cast<std::int32_t>(label.integer()));
  }
  return labels;
}

}  // namespace

std::int64_t read_cifar_python(std::string_view bytes, const std::string& place, const CifarLayout& layout,
                               const std::function<void(std::int32_t, const std::uint8_t*)>& add) {
  const Pickle pickle(bytes, rules(place));
  const std::vector<std::int32_t> labels =
      labels_of(entry(pickle.root(), layout.labels_key, PickleKind::kList, place), layout, place);
  const std::string_view images =
      rows(entry(pickle.root(), "data", PickleKind::kCall, place), std::ssize(labels), place);
  const auto* planes = reinterpret_cast<const std::uint8_t*>(images.data());
  for (const std::int32_t label : labels) {
    add(label, planes);
    planes += kCifarPixels;
  }
  return std::ssize(labels);
}

std::vector<std::string> read_cifar_python_names(std::string_view bytes, const std::string& place,
                                                 const CifarLayout& layout) {
  const Pickle pickle(bytes, rules(place));
  const PickleValue list = entry(pickle.root(), layout.names_key, PickleKind::kList, place);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < list.size(); ++i) {
    DRIFT_CHECK(kData, list[i].is(PickleKind::kBytes) || list[i].is(PickleKind::kText),
                "{}: the name of class {} is {}; expected a string", place, i, name_of(list[i].kind()));
    names.emplace_back(list[i].string());
  }
  return names;
}

}  // namespace drift
