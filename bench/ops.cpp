// bench_ops: every Backend operation at the sizes of ResNet-56 with a batch of 128, on Google Benchmark. It iterates
// the cases the tests iterate (tests/kernels/case_list.h); each is checked against the double-precision reference
// before it is timed, and a wrong one makes the program exit 9. GB/s counts every pass over memory that the operation
// has to make (kernels/cost.h).
#include <CLI/CLI.hpp>
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include "bench/common/program.h"
#include "bench/common/ready_case.h"
#include "core/check.h"
#include "kernels/cost.h"
#include "tests/kernels/case_list.h"
#include "tests/kernels/case_runner.h"

namespace drift::bench {
namespace {

using testing::Array;
using testing::Named;
using testing::OpCase;

int wrong_cases = 0;

void time_case(benchmark::State& state, const OpCase& op_case, Backend& backend) {
  constexpr std::uint64_t kSeed = 1;
  const Named<Array> inputs = testing::make_inputs(op_case, kSeed);
  const auto wrong = testing::mismatches(op_case, inputs, testing::run_case(op_case, inputs, backend, 0xff));
  if (!wrong.empty()) {
    ++wrong_cases;
    state.SkipWithError(("wrong result: " + wrong.front()).c_str());
    return;
  }
  const ReadyCase ready(op_case, inputs, backend);
  for (auto _ : state) backend.run(ready.op());
  const OpCost cost = cost_of(ready.op());
  const auto rate = [](std::int64_t count) {
    return benchmark::Counter(1e-9 * static_cast<double>(count), benchmark::Counter::kIsIterationInvariantRate);
  };
  state.counters["GB/s"] = rate(cost.bytes);
  if (cost.flops() > 0) state.counters["GFLOP/s"] = rate(cost.flops());
}

int main(int argc, char** argv) {
  int threads = 2;
  std::string sizes = "resnet56";
  CLI::App app{"Checks and times every operation. Flags of Google Benchmark (--benchmark_filter=...) are passed on."};
  app.add_option("--threads", threads, "CPU threads")->capture_default_str();
  app.add_option("--sizes", sizes, "resnet56, or small: the sizes of the tests")->capture_default_str();
  app.allow_extras();
  CLI11_PARSE(app, argc, argv);
  DRIFT_CHECK(kUsage, sizes == "resnet56" || sizes == "small", "--sizes is resnet56 or small, not '{}'", sizes);

  std::vector<std::string> extras = app.remaining();
  std::vector<char*> passed{argv[0]};
  for (std::string& extra : extras) passed.push_back(extra.data());
  int count = static_cast<int>(passed.size());
  benchmark::Initialize(&count, passed.data());
  if (benchmark::ReportUnrecognizedArguments(count, passed.data())) return exit_code(ErrorKind::kUsage);

  const auto stream = make_stream(Device{}, threads);
  const auto direct = testing::backend_by_form(*stream, ConvolutionForm::kDirect);
  const bool has_winograd = cpu_features().avx512;
  const auto winograd = has_winograd ? testing::backend_by_form(*stream, ConvolutionForm::kWinograd) : nullptr;
  const auto cases = testing::op_cases(sizes == "small" ? testing::Suite::kTest : testing::Suite::kBench);
  for (const OpCase& op_case : cases) {
    if (op_case.activation == DType::kBFloat16 && !cpu_features().bf16) continue;
    const bool by_winograd = op_case.form == ConvolutionForm::kWinograd;
    if (by_winograd && !has_winograd) continue;
    Backend& backend = by_winograd ? *winograd : *direct;
    benchmark::RegisterBenchmark(fmt::format("{}/{}", op_case.op, op_case.label).c_str(),
                                 [&op_case, &backend](benchmark::State& state) { time_case(state, op_case, backend); })
        ->Unit(benchmark::kMicrosecond)
        ->UseRealTime();
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return wrong_cases == 0 ? 0 : exit_code(ErrorKind::kTolerance);
}

}  // namespace
}  // namespace drift::bench

int main(int argc, char** argv) {
  return drift::bench::run_program("bench_ops", [&] { return drift::bench::main(argc, argv); });
}
