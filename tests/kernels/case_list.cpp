// The sizes. Awkward is the default: one channel, three, seventeen; odd extents under stride 2; one sample; rows that
// are a multiple of nothing; then channels of the real networks.
#include "tests/kernels/case_list.h"

#include <utility>

namespace drift::testing {
namespace {

using Cases = std::vector<OpCase>;

constexpr DType kActivations[] = {DType::kFloat32, DType::kBFloat16};
constexpr Fill kFills[] = {Fill::kNormal, Fill::kExact};

// Of 3x3 windows with stride 1.
struct ConvSize {
  Shape x;
  std::int64_t outputs;
};
const std::vector<ConvSize> kResNet56 = {{{128, 32, 32, 16}, 16}, {{128, 16, 16, 32}, 32}, {{128, 8, 8, 64}, 64}};

struct ConvShape {
  Shape x;
  std::int64_t outputs;
  Window window;
};

std::vector<ConvShape> conv_shapes(Suite suite) {
  if (suite == Suite::kBench) {
    return {{{128, 32, 32, 3}, 16, {3, 1, 1}},  {{128, 32, 32, 16}, 16, {3, 1, 1}}, {{128, 32, 32, 16}, 32, {3, 2, 1}},
            {{128, 16, 16, 32}, 32, {3, 1, 1}}, {{128, 16, 16, 32}, 64, {3, 2, 1}}, {{128, 8, 8, 64}, 64, {3, 1, 1}}};
  }
  return {{{1, 5, 5, 1}, 1, {3, 1, 1}},    {{2, 9, 7, 3}, 17, {3, 2, 1}},   {{1, 7, 7, 17}, 3, {3, 1, 0}},
          {{3, 8, 8, 3}, 16, {3, 1, 1}},   {{2, 8, 8, 16}, 16, {3, 1, 1}},  {{2, 9, 9, 16}, 32, {3, 2, 1}},
          {{1, 4, 4, 64}, 64, {3, 1, 1}},  {{2, 7, 5, 32}, 64, {1, 2, 0}},  {{1, 11, 11, 3}, 8, {7, 2, 3}},
          {{1, 3, 3, 128}, 48, {1, 1, 0}}, {{1, 2, 2, 512}, 16, {3, 1, 1}}, {{1, 1, 1, 16}, 16, {3, 1, 1}},
          {{2, 9, 32, 16}, 16, {3, 1, 1}}, {{1, 3, 16, 32}, 32, {3, 1, 1}}};
}

void add_conv(Suite suite, DType dtype, Fill fill, Cases& cases) {
  for (const ConvShape& shape : conv_shapes(suite)) {
    for (const ConvDirection direction : kConvDirections) {
      ConvCase c{direction, shape.x, shape.outputs, shape.window, false, dtype, fill};
      cases.push_back(c.make());
      c.bias = true;
      if (suite == Suite::kTest && direction != ConvDirection::kBackwardData) cases.push_back(c.make());
    }
  }
}

// Images of one tile and of several, of whole tiles and of partial ones; channels of one vector, of a block, of several
// blocks with a rest; the two unlike; so many tiles that weight gradients are summed in slices.
void add_winograd(Suite suite, DType dtype, Cases& cases) {
  std::vector<ConvSize> sizes = kResNet56;
  if (suite == Suite::kTest) {
    sizes = {{{1, 4, 4, 16}, 16},  {{2, 8, 12, 16}, 16}, {{1, 4, 5, 32}, 32},   {{2, 17, 7, 16}, 16},
             {{1, 6, 4, 64}, 64},  {{1, 8, 8, 48}, 48},  {{1, 9, 13, 16}, 48},  {{1, 10, 15, 80}, 16},
             {{1, 5, 5, 64}, 128}, {{1, 7, 7, 144}, 80}, {{1, 4, 4, 512}, 512}, {{1, 14, 16, 32}, 64},
             {{3, 11, 4, 32}, 32}, {{1, 8, 8, 64}, 64},  {{64, 7, 7, 16}, 16}};
  }
  for (const ConvSize& size : sizes) {
    for (const ConvDirection direction : kConvDirections) {
      ConvCase c{direction, size.x, size.outputs, {3, 1, 1}, false, dtype, Fill::kNormal, ConvolutionForm::kWinograd};
      cases.push_back(c.make());
      c.bias = true;
      const bool small = size.x.channels() * size.outputs < 64 * 64;  // the reference is slow
      if (suite == Suite::kTest && small && direction != ConvDirection::kBackwardData) cases.push_back(c.make());
    }
  }
}

void add_norm_on_reading(Suite suite, DType dtype, Cases& cases) {
  std::vector<ConvSize> sizes = kResNet56;
  if (suite == Suite::kTest) {
    sizes = {{{1, 4, 4, 16}, 16}, {{2, 5, 40, 16}, 16}, {{1, 6, 9, 32}, 32}, {{1, 9, 7, 48}, 16},
             {{1, 7, 5, 64}, 64}, {{1, 4, 4, 80}, 144}, {{40, 8, 8, 16}, 16}};
  }
  for (const ConvSize& size : sizes) {
    for (const ConvDirection direction : kConvDirections) {
      cases.push_back(NormOnReadingCase{direction, size.x, size.outputs, dtype}.make());
    }
    cases.push_back(BatchNormForwardCase{.x = size.x, .stored = false, .dtype = dtype}.make());
    for (const bool over_dy : {false, true}) {
      cases.push_back(BatchNormRestCase{.x = size.x, .over_dy = over_dy, .dtype = dtype}.make());
      if (suite == Suite::kBench) continue;
      cases.push_back(BatchNormRestCase{size.x, /*frozen=*/true, over_dy, dtype}.make());
    }
  }
}

void add_linear(Suite suite, DType dtype, Fill fill, Cases& cases) {
  struct Size {
    std::int64_t samples, inputs, outputs;
  };
  const std::vector<Size> sizes =
      suite == Suite::kBench ? std::vector<Size>{{128, 64, 10}, {128, 512, 10}}
                             : std::vector<Size>{{1, 1, 1}, {3, 17, 10}, {7, 64, 10}, {5, 512, 3}, {16, 48, 100}};
  for (const Size& size : sizes) {
    for (const bool backward : {false, true}) {
      LinearCase c{backward, size.samples, size.inputs, size.outputs, true, true, dtype, fill};
      cases.push_back(c.make());
      if (suite == Suite::kBench) continue;
      c.bias = c.dx = false;
      cases.push_back(c.make());
    }
  }
}

// Images for the norms; for exact inputs rows must be a power of two.
std::vector<Shape> norm_shapes(Suite suite, Fill fill) {
  if (suite == Suite::kBench) return {{128, 32, 32, 16}, {128, 16, 16, 32}, {128, 8, 8, 64}};
  if (fill == Fill::kExact) return {{1, 2, 2, 1}, {2, 4, 4, 3}, {1, 8, 8, 17}, {4, 4, 2, 16}, {2, 2, 4, 48}};
  return {{1, 3, 5, 1},  {2, 5, 7, 3},  {3, 37, 41, 17}, {1, 9, 9, 16},  {2, 31, 33, 16},
          {5, 7, 3, 32}, {2, 9, 7, 64}, {1, 5, 3, 48},   {1, 3, 3, 128}, {2, 1, 1, 512}};
}

void add_batch_norm(Suite suite, DType dtype, Fill fill, Cases& cases) {
  for (const Shape& x : norm_shapes(suite, fill)) {
    const bool exact = fill == Fill::kExact;
    BatchNormForwardCase forward{.x = x, .running = !exact, .dtype = dtype, .fill = fill};
    BatchNormInferenceCase inference{.x = x, .dtype = dtype, .fill = fill};
    BatchNormBackwardCase backward{.x = x, .dtype = dtype, .fill = fill};
    if (suite == Suite::kTest) {
      cases.insert(cases.end(), {forward.make(), inference.make(), backward.make()});
      backward.mask = true;
      backward.dz = Dz::kOverDy;
      cases.push_back(backward.make());
      backward.dy2 = true;
      backward.dz = Dz::kOverDy2;
      cases.push_back(backward.make());
      backward.dz = Dz::kNone;
      cases.push_back(backward.make());
      backward.frozen = true;
      cases.push_back(backward.make());
      backward.frozen = false;
    }
    forward.relu = inference.relu = true;
    forward.running = suite == Suite::kBench;
    forward.dead_channel = suite == Suite::kTest && !exact;
    cases.insert(cases.end(), {forward.make(), inference.make()});
    backward.mask = true;
    backward.dy2 = false;
    backward.dz = Dz::kNone;
    if (suite == Suite::kBench) cases.push_back(backward.make());
    forward.residual = inference.residual = true;
    cases.insert(cases.end(), {forward.make(), inference.make()});
    backward.dy2 = true;
    backward.dz = Dz::kOwn;
    cases.push_back(backward.make());
    if (suite == Suite::kBench) continue;
    inference.saves = backward.frozen = true;
    cases.insert(cases.end(), {inference.make(), backward.make()});
  }
}

void add_group_norm(Suite suite, DType dtype, Fill fill, Cases& cases) {
  for (const Shape& x : norm_shapes(suite, fill)) {
    const std::int64_t channels = x.channels();
    std::vector<std::int64_t> counts{1};
    if (channels % 8 == 0) counts = {8};
    if (suite == Suite::kTest && channels <= 17) counts.push_back(channels);
    for (const std::int64_t groups : counts) {
      const std::int64_t width = channels / groups;
      if (fill == Fill::kExact && (width & (width - 1)) != 0) continue;
      for (const bool backward : {false, true}) {
        cases.push_back(
            GroupNormCase{.backward = backward, .x = x, .groups = groups, .dtype = dtype, .fill = fill}.make());
      }
    }
  }
}

// A mean a thousand deviations away from zero: E[x^2] - mean^2 in float32 has no correct digit left.
void add_large_means(Cases& cases) {
  for (const Shape& x : {Shape{3, 7, 7, 3}, Shape{2, 9, 9, 16}, Shape{3, 37, 41, 17}}) {
    cases.push_back(BatchNormForwardCase{.x = x, .mean = 1000, .std = 1}.make());
    cases.push_back(GroupNormCase{.x = x, .groups = x[3] == 16 ? 8 : 1, .mean = 1000, .std = 1}.make());
  }
}

std::vector<Shape> map_shapes(Suite suite) {
  if (suite == Suite::kBench) return {{128, 32, 32, 16}, {128, 8, 8, 64}};
  return {{1, 1, 1, 1}, {1, 3, 5, 3}, {2, 7, 3, 17}, {3, 5, 5, 16}, {2, 33, 31, 48}, {1, 1, 3, 128}};
}

void add_maps(Suite suite, DType dtype, Cases& cases) {
  for (const Shape& x : map_shapes(suite)) {
    for (const bool backward : {false, true}) {
      cases.push_back(ActivationCase{Activation::kRelu, backward, x, dtype}.make());
      cases.push_back(ActivationCase{Activation::kSilu, backward, x, dtype}.make());
    }
    cases.push_back(AddCase{x, Alias::kNone, dtype}.make());
    cases.push_back(CopyCase{x, dtype}.make());
    cases.push_back(FillCase{x, 0.1f, dtype}.make());
    cases.push_back(CastCase{x, dtype, dtype == DType::kFloat32 ? DType::kBFloat16 : DType::kFloat32}.make());
    if (suite == Suite::kBench) continue;
    cases.push_back(AddCase{x, Alias::kA, dtype}.make());
    cases.push_back(AddCase{x, Alias::kB, dtype}.make());
    cases.push_back(FillCase{x, 0, dtype}.make());
  }
}

void add_shortcuts(Suite suite, DType dtype, Cases& cases) {
  const std::vector<ShortcutCase> sizes =
      suite == Suite::kBench
          ? std::vector<ShortcutCase>{{false, {128, 32, 32, 16}, 32, 2, dtype},
                                      {false, {128, 16, 16, 32}, 64, 2, dtype}}
          : std::vector<ShortcutCase>{{false, {1, 5, 7, 1}, 3, 2, dtype},   {false, {2, 9, 9, 16}, 32, 2, dtype},
                                      {false, {2, 4, 4, 3}, 17, 1, dtype},  {false, {1, 3, 3, 17}, 20, 2, dtype},
                                      {false, {3, 5, 4, 32}, 64, 2, dtype}, {false, {1, 1, 1, 16}, 16, 1, dtype}};
  for (ShortcutCase c : sizes) {
    cases.push_back(c.make());
    c.backward = true;
    cases.push_back(c.make());
  }
}

void add_pools(Suite suite, DType dtype, Fill fill, Cases& cases) {
  const bool bench = suite == Suite::kBench;
  const std::vector<Shape> shapes =
      bench ? std::vector<Shape>{{128, 16, 16, 64}}
            : std::vector<Shape>{{1, 4, 4, 1}, {2, 7, 9, 3}, {1, 8, 6, 17}, {2, 6, 6, 16}, {1, 7, 7, 64}};
  const std::vector<Window> windows = bench
                                          ? std::vector<Window>{{2, 2, 0}}
                                          : std::vector<Window>{{2, 2, 0}, {3, 2, 1}, {3, 1, 1}, {2, 1, 1}, {4, 3, 1}};
  for (const Shape& x : shapes) {
    for (const Window& window : windows) {
      for (const bool backward : {false, true}) {
        cases.push_back(PoolCase{Pooling::kMax, backward, x, window, dtype, fill}.make());
        if (!bench && !backward) {
          cases.push_back(PoolCase{Pooling::kMax, backward, x, window, dtype, fill, /*nans=*/true}.make());
        }
        if (fill == Fill::kExact && window.size == 3) continue;
        cases.push_back(PoolCase{Pooling::kAverage, backward, x, window, dtype, fill}.make());
      }
    }
  }
}

void add_global_average_pools(Suite suite, DType dtype, Fill fill, Cases& cases) {
  std::vector<Shape> shapes = {{1, 3, 5, 1}, {2, 7, 7, 3}, {1, 9, 5, 17}, {3, 8, 8, 64}, {1, 1, 1, 48}};
  if (fill == Fill::kExact) shapes = {{1, 2, 4, 1}, {2, 4, 4, 17}, {3, 8, 8, 64}};
  if (suite == Suite::kBench) shapes = {{128, 8, 8, 64}};
  for (const Shape& x : shapes) {
    for (const bool backward : {false, true}) cases.push_back(GlobalAveragePoolCase{backward, x, dtype, fill}.make());
  }
}

// Sizes that several threads really share, for the ops whose awkward sizes one thread would do alone.
void add_shared_by_threads(DType dtype, Cases& cases) {
  const Shape x{3, 65, 63, 17};
  for (const bool backward : {false, true}) {
    cases.push_back(ShortcutCase{backward, x, 32, 2, dtype}.make());
    cases.push_back(PoolCase{Pooling::kMax, backward, x, {3, 2, 1}, dtype}.make());
    cases.push_back(PoolCase{Pooling::kAverage, backward, x, {3, 2, 1}, dtype}.make());
    cases.push_back(GlobalAveragePoolCase{backward, x, dtype}.make());
  }
}

void add_losses(Suite suite, Cases& cases) {
  if (suite == Suite::kBench) return cases.push_back(SoftmaxCase{128, 10}.make());
  for (const std::int64_t samples : {1, 3, 130}) {
    for (const std::int64_t classes : {1, 2, 4, 5, 10, 17, 100, 1000}) {
      cases.push_back(SoftmaxCase{samples, classes}.make());
    }
    cases.push_back(SoftmaxCase{.samples = samples, .classes = 10, .gradient = false}.make());
    cases.push_back(SoftmaxCase{.samples = samples, .classes = 10, .ties = true}.make());
    cases.push_back(SoftmaxCase{.samples = samples, .classes = 10, .spread = 1000}.make());
    for (const std::int64_t classes : {1, 3, 10}) {
      cases.push_back(SoftmaxCase{.samples = samples, .classes = classes, .infinities = true}.make());
    }
    for (const std::int64_t classes : {1, 5, 17, 1000}) {
      cases.push_back(SoftmaxCase{.samples = samples, .classes = classes, .label_smoothing = 0.1f}.make());
    }
    cases.push_back(SoftmaxCase{.samples = samples, .classes = 10, .label_smoothing = 1}.make());
    cases.push_back(SoftmaxCase{.samples = samples, .classes = 10, .infinities = true, .label_smoothing = 0.1f}.make());
  }
}

void add_updates(Suite suite, Cases& cases) {
  if (suite == Suite::kBench) {
    cases.push_back(SgdCase{853'018}.make());
    cases.push_back(OuterCase{853'018}.make());
    cases.push_back(CompressCase{853'018}.make());
    for (const std::int64_t replicas : {2, 4, 8}) cases.push_back(AverageCase{replicas, 853'018}.make());
    cases.push_back(AverageCase{.replicas = 2, .elements = 853'018, .rounded = DType::kBFloat16}.make());
    cases.push_back(CountNonFiniteCase{853'018, {}}.make());
    cases.push_back(ClipScaleCase{853'018, 1}.make());
    cases.push_back(SquaredDistanceCase{853'018}.make());
    return;
  }
  for (const std::int64_t elements : {1, 17, 64, 40'009}) {
    for (const bool nesterov : {false, true}) {
      cases.push_back(SgdCase{.elements = elements, .nesterov = nesterov}.make());
      cases.push_back(SgdCase{.elements = elements, .weight_decay = 0, .nesterov = nesterov}.make());
    }
    cases.push_back(SgdCase{.elements = elements, .momentum = 0}.make());
    for (const bool nesterov : {false, true}) {
      cases.push_back(OuterCase{.elements = elements, .nesterov = nesterov}.make());
      cases.push_back(OuterCase{.elements = elements, .lr = 1, .momentum = 0, .nesterov = nesterov}.make());
    }
    for (const float scale : {0.0f, 0.3f, 1.0f}) {
      cases.push_back(SgdCase{.elements = elements, .nesterov = true, .scale = scale}.make());
    }
    for (const double max_norm : {0.0, 0.01, 1e300}) cases.push_back(ClipScaleCase{elements, max_norm}.make());
    for (const double deviation : {0.0, 1e-30, 1e30}) cases.push_back(ClipScaleCase{elements, 2, deviation}.make());
    cases.push_back(SquaredDistanceCase{.elements = elements, .from_zero = true}.make());
    for (const double deviation : {0.0, 1.0, 1e6}) cases.push_back(SquaredDistanceCase{elements, deviation}.make());
    for (const bool start : {false, true}) {
      for (const bool error : {false, true}) cases.push_back(CompressCase{elements, start, error}.make());
    }
    for (std::int64_t replicas = 1; replicas <= 9; ++replicas) {
      cases.push_back(AverageCase{replicas, elements}.make());
      cases.push_back(AverageCase{.replicas = replicas, .elements = elements, .rounded = DType::kBFloat16}.make());
    }
    cases.push_back(CountNonFiniteCase{elements, {}}.make());
    for (const std::int64_t place : {std::int64_t{0}, elements - 1}) {
      cases.push_back(CountNonFiniteCase{elements, {place}}.make());
    }
    if (elements > 3) cases.push_back(CountNonFiniteCase{elements, {0, 2, elements / 2, elements - 1}}.make());
    for (const std::int64_t replicas : {1, 2, 5}) cases.push_back(AverageCase{replicas, elements, false}.make());
    for (const std::int64_t divisor : {1, 12}) cases.push_back(AverageCase{3, elements, false, divisor}.make());
  }
}

void add_augments(Suite suite, DType dtype, Cases& cases) {
  if (suite == Suite::kBench)
    return cases.push_back(AugmentCase{.samples = 128, .height = 32, .width = 32, .dtype = dtype}.make());
  cases.push_back(AugmentCase{.samples = 9, .height = 32, .width = 32, .indexed = true, .dtype = dtype}.make());
  cases.push_back(AugmentCase{.samples = 5, .height = 3, .width = 5, .pad = 1, .indexed = true, .dtype = dtype}.make());
  cases.push_back(AugmentCase{.samples = 5, .height = 7, .width = 9, .dtype = dtype, .cropped = false}.make());
  cases.push_back(
      AugmentCase{.samples = 4, .height = 8, .width = 8, .indexed = true, .dtype = dtype, .cropped = false}.make());
  for (const bool white : {false, true}) {
    cases.push_back(AugmentCase{9, 32, 32, 4, white, false, dtype}.make());
    cases.push_back(AugmentCase{11, 5, 7, 2, white, false, dtype}.make());
    cases.push_back(AugmentCase{3, 5, 7, 0, white, false, dtype}.make());
    cases.push_back(AugmentCase{1, 1, 3, 4, white, false, dtype}.make());
  }
}

}  // namespace

std::vector<OpCase> op_cases(Suite suite) {
  Cases cases;
  for (const DType dtype : kActivations) {
    for (const Fill fill : kFills) {
      if (suite == Suite::kBench && fill == Fill::kExact) continue;
      add_conv(suite, dtype, fill, cases);
      add_linear(suite, dtype, fill, cases);
      add_batch_norm(suite, dtype, fill, cases);
      add_group_norm(suite, dtype, fill, cases);
      add_pools(suite, dtype, fill, cases);
      add_global_average_pools(suite, dtype, fill, cases);
    }
    add_winograd(suite, dtype, cases);
    add_norm_on_reading(suite, dtype, cases);
    add_maps(suite, dtype, cases);
    add_shortcuts(suite, dtype, cases);
    add_augments(suite, dtype, cases);
    if (suite == Suite::kTest) add_shared_by_threads(dtype, cases);
  }
  add_losses(suite, cases);
  add_updates(suite, cases);
  if (suite == Suite::kTest) add_large_means(cases);
  return cases;
}

const std::map<std::string, std::vector<OpCase>>& cases_by_op() {
  static const auto grouped = [] {
    std::map<std::string, std::vector<OpCase>> groups;
    for (OpCase& op_case : op_cases(Suite::kTest)) {
      groups[op_case.op + "_" + std::string(name_of(op_case.activation))].push_back(std::move(op_case));
    }
    return groups;
  }();
  return grouped;
}

std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (const auto& [name, cases] : cases_by_op()) names.push_back(name);
  return names;
}

}  // namespace drift::testing
