// Every op of the CPU backend, in both precisions, over all cases of case_list.h: right within derived tolerances,
// exact on exact inputs, confined to its outputs, overwriting all of them, and the same bits for any number of threads.
#include <algorithm>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "core/check.h"
#include "kernels/cpu/backend_cpu.h"
#include "kernels/observed/forwarding_backend.h"
#include "tests/kernels/case_list.h"
#include "tests/kernels/case_runner.h"
#include "tests/kernels/nan_check.h"
#include "tests/support/seed.h"

namespace drift::testing {
namespace {

struct CpuBackend {
  std::unique_ptr<Stream> stream;
  std::unique_ptr<Backend> backend;

  CpuBackend(int threads, ConvolutionForm form)
      : stream(make_stream(Device{}, threads)), backend(backend_by_form(*stream, form)) {}
};

class EveryOp : public ::testing::TestWithParam<std::string> {
 protected:
  const std::vector<OpCase>& cases() const { return cases_by_op().at(GetParam()); }

  CpuBackend on_cpu(int threads) const { return CpuBackend(threads, cases().front().form); }

  // A CPU without bfloat16 may refuse it; one that has it may not.
  void SetUp() override {
    const OpCase& first = cases().front();
    if (first.form == ConvolutionForm::kWinograd && !cpu_features().avx512) {
      GTEST_SKIP() << "no AVX-512 on this CPU, and so no convolutions by Winograd";
    }
    if (first.activation != DType::kBFloat16 || cpu_features().bf16) return;
    const CpuBackend cpu = on_cpu(1);
    try {
      run_case(first, make_inputs(first, seed()), *cpu.backend, 0xff);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kDevice) throw;
      GTEST_SKIP() << "no bfloat16 on this CPU: " << error.message();
    }
  }
};

TEST_P(EveryOp, MatchesTheReference) {
  for (const int threads : {2, 3}) {
    const CpuBackend cpu = on_cpu(threads);
    for (const OpCase& op_case : cases()) {
      if (!op_case.vendor && threads != 2) continue;  // the same bits for any number of threads, tested below
      SCOPED_TRACE(op_case.op + " " + op_case.label + ", threads " + std::to_string(threads));
      const Named<Array> inputs = make_inputs(op_case, seed());
      const CaseRun run = run_case(op_case, inputs, *cpu.backend, 0xff);
      for (const std::string& line : mismatches(op_case, inputs, run)) ADD_FAILURE() << line;
    }
  }
}

TEST_P(EveryOp, WritesAllOfItsOutputsAndNothingElse) {
  const CpuBackend cpu = on_cpu(2);
  for (const OpCase& op_case : cases()) {
    SCOPED_TRACE(op_case.op + " " + op_case.label);
    const Named<Array> inputs = make_inputs(op_case, seed());
    const CaseRun over_nan = run_case(op_case, inputs, *cpu.backend, 0xff);
    const CaseRun over_numbers = run_case(op_case, inputs, *cpu.backend, 0xcd);
    for (const std::string& fault : over_nan.faults) ADD_FAILURE() << fault;
    for (const std::string& fault : over_numbers.faults) ADD_FAILURE() << fault;
    for (const Operand& operand : op_case.operands) {
      EXPECT_TRUE(over_nan.outputs[operand.name] == over_numbers.outputs[operand.name])
          << operand.name << " depends on what its memory held before";
    }
  }
}

TEST_P(EveryOp, PassesNansOn) {
  const CpuBackend cpu = on_cpu(2);
  for (const OpCase& op_case : cases()) {
    SCOPED_TRACE(op_case.op + " " + op_case.label);
    for (const std::string& fault : nan_faults(op_case, seed(), *cpu.backend)) ADD_FAILURE() << fault;
  }
}

// Asks before each operation what it will take.
class Asking final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  void run(const Op& op) override {
    said = std::max(said, inner().workspace_bytes(op));
    inner().run(op);
  }
  std::int64_t said = 0;
};

TEST_P(EveryOp, TakesTheWorkspaceItSaid) {
  for (const OpCase& op_case : cases()) {
    SCOPED_TRACE(op_case.op + " " + op_case.label);
    const CpuBackend cpu = on_cpu(3);
    Asking asking(*cpu.backend);
    run_case(op_case, make_inputs(op_case, seed()), asking, 0xff);
    EXPECT_EQ(asking.said, dynamic_cast<drift::CpuBackend&>(*cpu.backend).largest_workspace());
  }
}

TEST_P(EveryOp, GivesTheSameBitsForAnyNumberOfThreads) {
  if (cases().front().vendor) return;
  const CpuBackend one = on_cpu(1), two = on_cpu(2), three = on_cpu(3);
  for (const OpCase& op_case : cases()) {
    SCOPED_TRACE(op_case.op + " " + op_case.label);
    const Named<Array> inputs = make_inputs(op_case, seed());
    const CaseRun expected = run_case(op_case, inputs, *one.backend, 0xff);
    for (const CpuBackend* cpu : {&two, &three}) {
      const CaseRun run = run_case(op_case, inputs, *cpu->backend, 0xff);
      for (const Operand& operand : op_case.operands) {
        EXPECT_TRUE(run.outputs[operand.name] == expected.outputs[operand.name])
            << operand.name << " with " << cpu->stream->threads() << " threads";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, EveryOp, ::testing::ValuesIn(op_names()),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace drift::testing
