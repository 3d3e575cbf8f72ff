// One struct per operation: its sizes and options, and make(), which turns them into an OpCase with the Op, inputs and
// expectation. Each case yields five checks: backend against reference (with derived tolerances, tolerance.h), the
// reference's gradient against finite differences (tests/reference/gradient_test.cpp), exact inputs compared with ==,
// sentinels around and inside every output, and a timing (bench/). Adding an op adds a struct here and its sizes in
// case_list.cpp, not a test program.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/kernels/op_case.h"

namespace drift::testing {

// kExact: small integers and powers of two, so that every intermediate of any sensible order of operations is
// representable.
enum class Fill : std::uint8_t { kNormal, kExact };

enum class ConvDirection : std::uint8_t { kForward, kBackwardData, kBackwardWeights };
inline constexpr ConvDirection kConvDirections[] = {ConvDirection::kForward, ConvDirection::kBackwardData,
                                                    ConvDirection::kBackwardWeights};
struct ConvCase {
  ConvDirection direction;
  Shape x;
  std::int64_t outputs;
  Window window;
  bool bias = false;
  DType dtype = DType::kFloat32;
  Fill fill = Fill::kNormal;
  ConvolutionForm form = ConvolutionForm::kDirect;
  bool addend = false;  // kBackwardData only
  OpCase make() const;
};

struct LinearCase {
  bool backward = false;
  std::int64_t samples, inputs, outputs;
  bool bias = true;
  bool dx = true;  // backward only
  DType dtype = DType::kFloat32;
  Fill fill = Fill::kNormal;
  OpCase make() const;
};

struct BatchNormForwardCase {
  Shape x;
  bool relu = false, residual = false, running = true;
  double mean = 0.5, std = 2;  // of x
  bool dead_channel = false;   // channel 0 of x is 0 everywhere
  bool stored = true;          // y; else the statistics alone, in front of a convolution that normalises on reading
  DType dtype = DType::kFloat32;
  Fill fill = Fill::kNormal;  // exact: rows a power of two, running not given
  OpCase make() const;
};

struct BatchNormInferenceCase {
  Shape x;
  bool relu = false, residual = false, saves = false;  // mask and inv_std, for a backward
  DType dtype = DType::kFloat32;
  Fill fill = Fill::kNormal;
  OpCase make() const;
};

enum class Dz : std::uint8_t { kNone, kOwn, kOverDy, kOverDy2 };  // where batch norm's dz goes
struct BatchNormBackwardCase {
  Shape x;
  bool mask = false, dy2 = false, frozen = false;
  Dz dz = Dz::kNone;
  DType dtype = DType::kFloat32;
  Fill fill = Fill::kNormal;  // exact: rows a power of two
  OpCase make() const;
};

// What of a batch norm and a ReLU a convolution computes, while it reads x and writes dx.
struct NormOnReadingCase {
  ConvDirection direction;
  Shape x;
  std::int64_t outputs;
  DType dtype = DType::kFloat32;
  OpCase make() const;
};
// And what is left of the batch norm backward.
struct BatchNormRestCase {
  Shape x;
  bool frozen = false, over_dy = false;
  DType dtype = DType::kFloat32;
  OpCase make() const;
};

struct GroupNormCase {
  bool backward = false;
  Shape x;
  std::int64_t groups;
  double mean = 0.5, std = 2;  // of x
  DType dtype = DType::kFloat32;
  Fill fill = Fill::kNormal;  // exact: pixels and channels per group powers of two
  OpCase make() const;
};

struct ActivationCase {
  Activation kind;
  bool backward = false;
  Shape x;
  DType dtype = DType::kFloat32;
  OpCase make() const;
};

enum class Alias : std::uint8_t { kNone, kA, kB };  // what y is
struct AddCase {
  Shape x;
  Alias alias = Alias::kNone;
  DType dtype = DType::kFloat32;
  OpCase make() const;
};

struct ShortcutCase {
  bool backward = false;
  Shape x;
  std::int64_t channels, stride;
  DType dtype = DType::kFloat32;
  OpCase make() const;
};

struct PoolCase {
  Pooling pooling;
  bool backward = false;
  Shape x;
  Window window;
  DType dtype = DType::kFloat32;
  Fill fill = Fill::kNormal;  // exact: window a power of two; max pooling meets many ties
  bool nans = false;          // forward only: every fifth input is one
  OpCase make() const;
};

struct GlobalAveragePoolCase {
  bool backward = false;
  Shape x;
  DType dtype = DType::kFloat32;
  Fill fill = Fill::kNormal;  // exact: pixels a power of two
  OpCase make() const;
};

struct SoftmaxCase {
  std::int64_t samples, classes;
  double spread = 2;  // standard deviation of the logits
  bool gradient = true;
  bool ties = false;        // logits are integers in -1..1
  bool infinities = false;  // in three of four rows: -infinity in some places, +infinity in one, -infinity in all
  float label_smoothing = 0;
  OpCase make() const;
};

struct ClipScaleCase {
  std::int64_t elements;
  double max_norm;
  double deviation = 1;  // of the values
  OpCase make() const;
};

struct SgdCase {
  std::int64_t elements;
  float lr = 0.1f, momentum = 0.9f, weight_decay = 5e-4f;
  bool nesterov = false;
  std::optional<float> scale = {};
  OpCase make() const;
};

struct OuterCase {
  std::int64_t elements;
  float lr = 0.7f, momentum = 0.9f;
  bool nesterov = false;
  OpCase make() const;
};

struct CompressCase {
  std::int64_t elements;
  bool start = true, error = true;
  OpCase make() const;
};

struct AverageCase {
  std::int64_t replicas, elements;
  bool in_place = true;  // else into one target of its own
  std::int64_t divisor = 0;
  DType rounded = DType::kFloat32;
  OpCase make() const;
};

struct CountNonFiniteCase {
  std::int64_t elements;
  std::vector<std::int64_t> places;  // that are NaN, infinity, -infinity in turn
  OpCase make() const;
};

struct SquaredDistanceCase {
  std::int64_t elements;
  double deviation = 1;    // of b
  bool from_zero = false;  // no b
  OpCase make() const;
};

struct AugmentCase {
  std::int64_t samples, height, width;
  int pad = 4;
  bool white = false;    // pixels 0 and 255 with mean = std = 1/2: the result is -1 or 1
  bool indexed = false;  // samples are drawn from more images, some of them twice
  DType dtype = DType::kFloat32;
  bool cropped = true;  // else images as they are
  OpCase make() const;
};

struct CopyCase {
  Shape x;
  DType dtype = DType::kFloat32;
  OpCase make() const;
};

struct FillCase {
  Shape x;
  float value;
  DType dtype = DType::kFloat32;
  OpCase make() const;
};

struct CastCase {
  Shape x;
  DType from, to;
  OpCase make() const;
};

// kTest: awkward and small, for the checks. kBench: the shapes of a ResNet-56 step at a local batch of 128, for timing.
enum class Suite : std::uint8_t { kTest, kBench };
std::vector<OpCase> op_cases(Suite suite);

// The cases of kTest by operation and type: "conv2d_forward_bf16" -> its cases.
const std::map<std::string, std::vector<OpCase>>& cases_by_op();
std::vector<std::string> op_names();  // its keys

}  // namespace drift::testing
