// The operations of a graph, each turned from its record into a function of the graph's values. What is not emulated is
// refused when the function is made, that is, inside cudnnBackendExecute and before anything ran.
#pragma once

#include <functional>

#include "tests/emulator/cudnn/records.h"
#include "tests/emulator/cudnn/tensor.h"

namespace drift::emulator::cudnn {

using Operation = std::function<void(Values&)>;

// Throws std::runtime_error that names what is not emulated. The operation keeps nothing of the record.
Operation make_operation(const Record& record);

Operation make_convolution(const Record& record);
Operation make_pointwise(const Record& record);
Operation make_norm_forward(const Record& record);
Operation make_norm_backward(const Record& record);
Operation make_resample_forward(const Record& record);
Operation make_resample_backward(const Record& record);
Operation make_reduction(const Record& record);
Operation make_matmul(const Record& record);

}  // namespace drift::emulator::cudnn
