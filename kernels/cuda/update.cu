// The SGD update and the average over replicas.
#include "kernels/cuda/own_kernels.h"
#include "kernels/launch/for_each_cuda.cuh"
#include "kernels/math/average.h"
#include "kernels/math/sgd.h"

namespace drift {

struct ReplicaTable {
  float* pointers[kMaxReplicas];

  DRIFT_HD float* operator[](int k) const { return pointers[k]; }
};

void run_on(cudaStream_t stream, const SgdUpdate& op) {
  const auto step = packed<SgdStep>(op.lr.as<float>(), op.momentum, op.weight_decay, op.nesterov, op.w.data(),
                                    op.v.data(), op.g.data());
  for_each_packet(stream, static_cast<std::int64_t>(op.w.size()), step);
}

void run_on(cudaStream_t stream, const Average& op) {
  const int count = static_cast<int>(op.replicas.size());
  Packed<ReplicaTable> table{{}, true};
  for (int k = 0; k < count; ++k) {
    table.f.pointers[k] = op.replicas[static_cast<std::size_t>(k)];
    table.aligned = table.aligned && is_aligned(table.f.pointers[k]);
  }
  const float scale = 1.0f / static_cast<float>(count);
  // The levels of the tree stay in registers, which a few replicas should not pay for many.
  constexpr int kLevels = 7;
  static_assert(kMaxReplicas < 1 << kLevels);
  if (count < 16) {
    for_each_packet(stream, op.n, packed<AverageReplicas<ReplicaTable, 4>>(table, count, scale));
  } else {
    for_each_packet(stream, op.n, packed<AverageReplicas<ReplicaTable, kLevels>>(table, count, scale));
  }
}

}  // namespace drift
