// The SGD update, the average over replicas, what is left of values that travel to it, and the outer optimizer's
// update.
#include "kernels/cuda/own_kernels.h"
#include "kernels/launch/for_each_cuda.cuh"
#include "kernels/math/average.h"
#include "kernels/math/compress.h"
#include "kernels/math/outer.h"
#include "kernels/math/sgd.h"

namespace drift {

// Addresses that travel as an argument of the kernel.
template <class Float>
struct Addresses {
  Float* pointers[Average::kSourcesMaxOnGpu];

  DRIFT_HD Float* operator[](int k) const { return pointers[k]; }
};

template <class Float>
Packed<Addresses<Float>> addresses_of(std::span<Float* const> pointers) {
  Packed<Addresses<Float>> table{{}, true};
  for (std::size_t k = 0; k < pointers.size(); ++k) {
    table.f.pointers[k] = pointers[k];
    table.aligned = table.aligned && is_aligned(pointers[k]);
  }
  return table;
}

void run_on(cudaStream_t stream, const SgdUpdate& op) {
  const auto step = packed<SgdStep>(op.lr.as<float>(), op.scale.as<float>(), op.momentum, op.weight_decay, op.nesterov,
                                    op.w.data(), op.v.data(), op.g.data());
  for_each_packet(stream, static_cast<std::int64_t>(op.w.size()), step);
}

void run_on(cudaStream_t stream, const OuterUpdate& op) {
  const auto step = packed<OuterStep>(op.lr, op.momentum, op.nesterov, op.w.data(), op.v.data(), op.start.data());
  for_each_packet(stream, static_cast<std::int64_t>(op.w.size()), step);
}

void run_on(cudaStream_t stream, const Compress& op) {
  const auto step = packed<CompressStep>(op.x.data(), op.start.data(), op.error.data());
  for_each_packet(stream, static_cast<std::int64_t>(op.x.size()), step);
}

template <class T>
void average_rounded_to(cudaStream_t stream, const Average& op) {
  const int count = static_cast<int>(op.sources.size()), target_count = static_cast<int>(op.targets.size());
  const auto sources = addresses_of<const float>(op.sources);
  const auto targets = addresses_of<float>(op.targets);
  // The levels of the tree stay in registers, which a few replicas should not pay for many.
  constexpr int kLevels = 7;
  static_assert(Average::kSourcesMaxOnGpu < 1 << kLevels);
  if (count < 16) {
    using Tree = AverageTree<T, Addresses<const float>, Addresses<float>, 4>;
    for_each_packet(stream, op.n, packed<Tree>(sources, targets, count, target_count, op.scale()));
  } else {
    using Tree = AverageTree<T, Addresses<const float>, Addresses<float>, kLevels>;
    for_each_packet(stream, op.n, packed<Tree>(sources, targets, count, target_count, op.scale()));
  }
}

void run_on(cudaStream_t stream, const Average& op) {
  op.rounded == DType::kBFloat16 ? average_rounded_to<BFloat16>(stream, op) : average_rounded_to<float>(stream, op);
}

}  // namespace drift
