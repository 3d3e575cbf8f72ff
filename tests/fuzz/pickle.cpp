// A pickle: of PyTorch's checkpoints and CIFAR's Python version, which come from anywhere. All that was read is looked
// at, as deep as it is.
#include "core/pickle.h"

#include "tests/fuzz/target.h"

using namespace drift;

namespace {

constexpr std::string_view kGlobals[] = {"collections.OrderedDict", "numpy.ndarray", "torch.FloatStorage"};

// A value that is part of many others is met as often, so the looks are counted.
void look_at(const PickleValue& value, int& looks_left) {
  if (--looks_left < 0) return;
  const auto look_at_entries = [&] {
    for (std::size_t i = 0; i < value.entries() && looks_left > 0; ++i) {
      look_at(value.key(i), looks_left);
      look_at(value.value(i), looks_left);
    }
    value.find("state_dict");
  };
  switch (value.kind()) {
    case PickleKind::kText:
    case PickleKind::kBytes:
      DRIFT_ASSERT(std::string(value.string()).size() < 1u << 30, "a string of no file");
      break;
    case PickleKind::kList:
    case PickleKind::kTuple:
      for (std::size_t i = 0; i < value.size() && looks_left > 0; ++i) look_at(value[i], looks_left);
      break;
    case PickleKind::kDict:
      look_at_entries();
      break;
    case PickleKind::kCall:
      look_at(value.arguments(), looks_left);
      look_at_entries();
      if (value.state()) look_at(*value.state(), looks_left);
      break;
    case PickleKind::kPersistent:
      look_at(value.id(), looks_left);
      break;
    default:
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  testing::is_read(ErrorKind::kData, [&] {
    const Pickle pickle(testing::text_of(data, size), {.file = "input", .globals = kGlobals});
    int looks = 10000;
    look_at(pickle.root(), looks);
  });
  return 0;
}
