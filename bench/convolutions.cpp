// bench_convolutions: the convolutions of a network that Winograd's form covers, each by both forms in turn: seconds,
// and their ratio. Each is checked against the double-precision reference first, on two images; a wrong one makes the
// program exit 9. From its figures comes the choice of kernels/cpu/convolution_form.cpp.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/core.h>
#include <list>
#include <set>

#include "bench/common/measure.h"
#include "bench/common/program.h"
#include "bench/common/ready_case.h"
#include "core/check.h"
#include "models/convolution_trace.h"
#include "tests/kernels/case_list.h"

namespace drift::bench {
namespace {

using testing::ConvCase;
using testing::ConvDirection;

constexpr std::uint64_t kSeed = 1;

class Forms {
 public:
  explicit Forms(int threads)
      : stream_(make_stream(Device{}, threads)),
        direct_(testing::backend_by_form(*stream_, ConvolutionForm::kDirect)),
        winograd_(testing::backend_by_form(*stream_, ConvolutionForm::kWinograd)) {}

  Backend& backend(ConvolutionForm form) { return form == ConvolutionForm::kDirect ? *direct_ : *winograd_; }

 private:
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Backend> direct_, winograd_;
};

void check(Forms& forms, ConvCase c) {
  c.x = {std::min<std::int64_t>(c.x[0], 2), c.x[1], c.x[2], c.x[3]};
  for (const ConvolutionForm form : {ConvolutionForm::kDirect, ConvolutionForm::kWinograd}) {
    c.form = form;
    const testing::OpCase op_case = c.make();
    const auto inputs = testing::make_inputs(op_case, kSeed);
    const auto wrong = testing::mismatches(op_case, inputs, testing::run_case(op_case, inputs, forms.backend(form), 0));
    DRIFT_CHECK(kTolerance, wrong.empty(), "{} {}: {}", op_case.op, op_case.label, wrong.front());
  }
}

// A case on several sets of operands, so that they are not all in the caches when it begins.
class Rotating {
 public:
  Rotating(const ConvCase& c, Backend& backend) {
    constexpr int kSets = 4;
    const testing::OpCase op_case = c.make();
    const auto inputs = testing::make_inputs(op_case, kSeed);
    for (int set = 0; set < kSets; ++set) sets_.emplace_back(op_case, inputs, backend);
    next_ = sets_.begin();
  }
  const Op& next() {
    if (next_ == sets_.end()) next_ = sets_.begin();
    return (next_++)->op();
  }

 private:
  std::list<ReadyCase> sets_;
  std::list<ReadyCase>::iterator next_;
};

struct Times {
  double direct, winograd, ratio;  // medians; ratio of samples taken one after the other
};

Times time_both(Forms& forms, const ConvCase& c, int samples) {
  Rotating operands(c, forms.backend(ConvolutionForm::kDirect));
  Sample direct, winograd, ratio;
  for (int i = 0; i <= samples; ++i) {
    const auto once = [&](ConvolutionForm form) {
      return measure(0, 1, [&] { forms.backend(form).run(operands.next()); }).median();
    };
    const double by_direct = once(ConvolutionForm::kDirect), by_winograd = once(ConvolutionForm::kWinograd);
    if (i == 0) continue;  // plans and memory are made
    direct.seconds.push_back(by_direct);
    winograd.seconds.push_back(by_winograd);
    ratio.seconds.push_back(by_winograd / by_direct);
  }
  for (Sample* sample : {&direct, &winograd, &ratio}) sample->sort();
  return {direct.median(), winograd.median(), ratio.median()};
}

struct Options {
  std::string model = "resnet56";
  std::vector<std::int64_t> batches{128};
  std::vector<std::string> precisions{"fp32", "bf16"};
  int threads = 2, samples = 15;
};

void run(const Options& options, std::int64_t batch, DType precision, Forms& forms) {
  fmt::print("\n{}, batch {}, {}, {} threads: milliseconds direct / by Winograd, ratio\n\n", options.model, batch,
             name_of(precision), options.threads);
  fmt::print(
      "| x | outputs | tiles | forward | backward data | backward weights |\n"
      "|---|---:|---:|---|---|---|\n");
  std::set<std::string> seen;
  for (const ConvolutionTrace& layer :
       trace_convolutions({.name = options.model}, batch, precision, ConvolutionChoice::kWinograd)) {
    const std::string name = fmt::format("| {} | {} |", to_string(layer.x), layer.w[0]);
    if (layer.forward == ConvolutionForm::kDirect || !seen.insert(name).second) continue;
    fmt::print("{} {} |", name, layer.x[0] * layer.x[1] * layer.x[2] / 16);
    for (const ConvDirection direction : testing::kConvDirections) {
      const ConvCase c{direction, layer.x, layer.w[0], layer.window, false, precision};
      check(forms, c);
      const Times times = time_both(forms, c, options.samples);
      fmt::print(" {:.3f} / {:.3f}, {:.2f} |", 1e3 * times.direct, 1e3 * times.winograd, times.ratio);
      std::fflush(stdout);
    }
    fmt::print("\n");
  }
}

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Times the convolutions of a network by both forms, after checking them."};
  app.add_option("--model", options.model, "network")->capture_default_str();
  app.add_option("--batch", options.batches, "local batches")->delimiter(',')->capture_default_str();
  app.add_option("--precision", options.precisions, "fp32, bf16 or both")->delimiter(',')->capture_default_str();
  app.add_option("--threads", options.threads, "CPU threads")->capture_default_str();
  app.add_option("--samples", options.samples, "times each")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  DRIFT_CHECK(kDevice, cpu_features().avx512, "this CPU has no AVX-512, and so no convolutions by Winograd");
  Forms forms(options.threads);
  for (const std::string& precision : options.precisions) {
    DRIFT_CHECK(kUsage, precision == "fp32" || precision == "bf16", "--precision is fp32 or bf16, not '{}'", precision);
    const DType dtype = precision == "bf16" ? DType::kBFloat16 : DType::kFloat32;
    for (const std::int64_t batch : options.batches) run(options, batch, dtype, forms);
  }
  return 0;
}

}  // namespace
}  // namespace drift::bench

int main(int argc, char** argv) {
  return drift::bench::run_program("bench_convolutions", [&] { return drift::bench::main(argc, argv); });
}
