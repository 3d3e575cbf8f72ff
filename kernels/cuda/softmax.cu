// Softmax cross-entropy: one warp per row, then the rows' results as column sums of a [N,3] matrix.
#include "kernels/cuda/training.h"
#include "kernels/launch/column_sums_cuda.cuh"
#include "kernels/math/pool.h"
#include "kernels/math/softmax_cross_entropy.h"

namespace drift {

void softmax_cross_entropy_on(cudaStream_t stream, CudaWorkspace& workspace, const SoftmaxCrossEntropy& args) {
  const RowSpace results{1, args.logits.shape[0], 3};
  const auto [rows, partials] =
      workspace.cut(3 * results.rows * std::int64_t{sizeof(float)},
                    column_sums_workspace<PlainSums<float>>(results) * std::int64_t{sizeof(float)});
  float* const row_results = reinterpret_cast<float*>(rows);
  const float scale = 1.0f / static_cast<float>(results.rows);
  for_each_warp(stream, results.rows,
                SoftmaxCrossEntropyRow{args.logits.as<float>(), args.labels.as<std::int32_t>(),
                                       args.dlogits.as<float>(), row_results, args.logits.shape[1], scale});
  column_sums(stream, results, packed<PlainSums<float>>(row_results, results.columns),
              reinterpret_cast<float*>(partials),
              SoftmaxCrossEntropyResult{args.result.as<float>(), static_cast<double>(results.rows)});
}

}  // namespace drift
