#include "tests/emulator/cudnn/operations.h"

#include <stdexcept>
#include <string>

namespace drift::emulator::cudnn {

Operation make_operation(const Record& record) {
  switch (record.type) {
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
      return make_convolution(record);
    case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR:
      return make_pointwise(record);
    case CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR:
      return make_norm_forward(record);
    case CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR:
      return make_norm_backward(record);
    case CUDNN_BACKEND_OPERATION_RESAMPLE_FWD_DESCRIPTOR:
      return make_resample_forward(record);
    case CUDNN_BACKEND_OPERATION_RESAMPLE_BWD_DESCRIPTOR:
      return make_resample_backward(record);
    case CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR:
      return make_reduction(record);
    case CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR:
      return make_matmul(record);
    default:
      throw std::runtime_error("operations of cudnnBackendDescriptorType_t " + std::to_string(record.type) +
                               " are not emulated");
  }
}

}  // namespace drift::emulator::cudnn
