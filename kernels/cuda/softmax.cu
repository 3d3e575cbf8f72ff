// Softmax cross-entropy: one warp per row, then the rows' results as column sums of a [N,3] matrix.
#include "kernels/cuda/own_kernels.h"
#include "kernels/launch/column_sums_cuda.cuh"
#include "kernels/math/pool.h"
#include "kernels/math/softmax_cross_entropy.h"

namespace drift {

void run_on(cudaStream_t stream, CudaWorkspace& workspace, const SoftmaxCrossEntropy& op) {
  const RowSpace results{1, op.logits.shape[0], 3};
  const auto [rows, partials] =
      workspace.cut(3 * results.rows * std::int64_t{sizeof(float)},
                    column_sums_workspace<PlainSums<float>>(results) * std::int64_t{sizeof(float)});
  float* const row_results = reinterpret_cast<float*>(rows);
  const float scale = 1.0f / static_cast<float>(results.rows);
  for_each_warp(stream, results.rows,
                SoftmaxCrossEntropyRow{op.logits.as<float>(), op.labels.as<std::int32_t>(), op.dlogits.as<float>(),
                                       row_results, op.logits.shape[1], scale, op.label_smoothing});
  column_sums(stream, results, packed<PlainSums<float>>(row_results, results.columns),
              reinterpret_cast<float*>(partials),
              SoftmaxCrossEntropyResult{op.result.as<float>(), static_cast<double>(results.rows)});
}

}  // namespace drift
