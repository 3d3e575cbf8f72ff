// The operation of a case in buffers of its own, ready to run again and again.
#pragma once

#include <list>

#include "tests/kernels/case_runner.h"
#include "tests/kernels/guarded_buffer.h"

namespace drift::bench {

class ReadyCase {
 public:
  ReadyCase(testing::OpCase op_case, const testing::Named<testing::Array>& inputs, Backend& backend)
      : case_(std::move(op_case)) {
    constexpr std::uint8_t kPattern = 0x00;
    testing::Named<TensorView> views;
    for (const testing::Operand& operand : case_.operands) {
      testing::GuardedBuffer& buffer = buffers_.emplace_back(backend, operand.shape, operand.dtype, kPattern);
      if (operand.role != testing::Role::kOutput) buffer.write(testing::encode(inputs[operand.name], operand.dtype));
      views.set(operand.name, buffer.view());
    }
    op_ = case_.operation(views);
  }
  const Op& op() const { return op_; }

 private:
  testing::OpCase case_;  // the operation may refer to what it holds
  std::list<testing::GuardedBuffer> buffers_;
  Op op_;
};

}  // namespace drift::bench
