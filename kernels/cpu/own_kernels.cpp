// Our own kernels on the CPU: the formulas of kernels/math, spread over threads by the launchers.
#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

#include "kernels/cpu/backend_cpu.h"
#include "kernels/launch/column_sums_cpu.h"
#include "kernels/launch/row_spaces.h"
#include "kernels/math/augment.h"
#include "kernels/math/average.h"
#include "kernels/math/clip.h"
#include "kernels/math/compress.h"
#include "kernels/math/distance.h"
#include "kernels/math/elementwise.h"
#include "kernels/math/finite.h"
#include "kernels/math/outer.h"
#include "kernels/math/pool.h"
#include "kernels/math/sgd.h"
#include "kernels/math/shortcut.h"
#include "kernels/math/softmax_cross_entropy.h"
#include "kernels/with_type.h"

namespace drift {
namespace {

// Whole packets as rows of a matrix; the rest is less than a row.
RowSpace packets_of(std::span<const float> values) {
  return {1, std::ssize(values) / kPacket, kPacket};
}

}  // namespace

void CpuBackend::run_now(const Fill& op) {
  with_type(op.y.dtype, [&]<class T>(T) {
    for_each_packet(threads_, op.y.elements(), FillMap<T>{op.y.as<T>(), op.value});
  });
}

void CpuBackend::run_now(const Cast& op) {
  with_type(op.x.dtype, [&]<class From>(From) {
    with_type(op.y.dtype, [&]<class To>(To) {
      for_each_packet(threads_, op.x.elements(), CastMap<From, To>{op.x.as<From>(), op.y.as<To>()});
    });
  });
}

void CpuBackend::run_now(const ActivationForward& op) {
  with_type(op.x.dtype, [&]<class T>(T) {
    if (op.kind == Activation::kRelu) {
      for_each_packet(threads_, op.x.elements(), ReluForward<T>{op.x.as<T>(), op.y.as<T>()});
    } else {
      for_each_packet(threads_, op.x.elements(), SiluForward<T>{op.x.as<T>(), op.y.as<T>()});
    }
  });
}

void CpuBackend::run_now(const ActivationBackward& op) {
  with_type(op.dy.dtype, [&]<class T>(T) {
    if (op.kind == Activation::kRelu) {
      for_each_packet(threads_, op.dy.elements(), ReluBackward<T>{op.saved.as<T>(), op.dy.as<T>(), op.dx.as<T>()});
    } else {
      for_each_packet(threads_, op.dy.elements(), SiluBackward<T>{op.saved.as<T>(), op.dy.as<T>(), op.dx.as<T>()});
    }
  });
}

void CpuBackend::run_now(const Add& op) {
  with_type(op.a.dtype, [&]<class T>(T) {
    for_each_packet(threads_, op.a.elements(), AddMap<T>{op.a.as<T>(), op.b.as<T>(), op.y.as<T>()});
  });
}

void CpuBackend::run_now(const ShortcutForward& op) {
  with_type(op.x.dtype, [&]<class T>(T) {
    const ShortcutGeometry g = ShortcutGeometry::of(op.stride, op.x.shape, op.y.shape);
    for_each_row_packet(threads_, {1, op.y.shape.rows(), g.out_channels},
                        ShortcutForwardMap<T>{g, op.x.as<T>(), op.y.as<T>()});
  });
}

void CpuBackend::run_now(const ShortcutBackward& op) {
  with_type(op.dy.dtype, [&]<class T>(T) {
    const ShortcutGeometry g = ShortcutGeometry::of(op.stride, op.dx.shape, op.dy.shape);
    for_each_row_packet(threads_, {1, op.dx.shape.rows(), g.in_channels},
                        ShortcutBackwardMap<T>{g, op.dy.as<T>(), op.dx.as<T>()});
  });
}

void CpuBackend::run_now(const PoolForward& op) {
  with_type(op.x.dtype, [&]<class T>(T) {
    const PoolGeometry g = PoolGeometry::of(op.window, op.x.shape, op.y.shape);
    const RowSpace space{1, op.y.shape.rows(), g.columns};
    if (op.pooling == Pooling::kMax) {
      for_each_row_packet(threads_, space,
                          MaxPoolForward<T>{g, op.x.as<T>(), op.y.as<T>(), op.index.as<std::uint8_t>()});
    } else {
      for_each_row_packet(threads_, space, AveragePoolForward<T>{g, op.x.as<T>(), op.y.as<T>()});
    }
  });
}

void CpuBackend::run_now(const PoolBackward& op) {
  with_type(op.dy.dtype, [&]<class T>(T) {
    const PoolGeometry g = PoolGeometry::of(op.window, op.dx.shape, op.dy.shape);
    const RowSpace space{1, op.dx.shape.rows(), g.columns};
    const std::uint8_t* index = op.pooling == Pooling::kMax ? op.index.as<std::uint8_t>() : nullptr;
    for_each_row_packet(threads_, space, PoolBackwardGather<T>{g, op.dy.as<T>(), index, op.dx.as<T>()});
  });
}

std::size_t CpuBackend::workspace_of(const GlobalAveragePoolForward& op) const {
  return Workspace::bytes_of_floats(column_sums_workspace<PlainSums<float>>(samples_of(op.x)));
}

void CpuBackend::run_now(const GlobalAveragePoolForward& op) {
  with_type(op.x.dtype, [&]<class T>(T) {
    const RowSpace space = samples_of(op.x);
    auto& totals = workspace_.doubles(space.segments * space.columns);
    column_sums(threads_, space, PlainSums<T>{op.x.as<T>(), space.columns},
                workspace_.floats(column_sums_workspace<PlainSums<T>>(space)), totals);
    for_each_total<1>(space, totals, StoreMean<T>{op.y.as<T>(), space.columns, static_cast<double>(space.rows)});
  });
}

void CpuBackend::run_now(const GlobalAveragePoolBackward& op) {
  with_type(op.dy.dtype, [&]<class T>(T) {
    const RowSpace space = samples_of(op.dx);
    const float scale = 1.0f / static_cast<float>(space.rows);
    for_each_row_packet(threads_, space,
                        GlobalAveragePoolBackwardMap<T>{op.dy.as<T>(), op.dx.as<T>(), scale, space.columns});
  });
}

std::size_t CpuBackend::workspace_of(const SoftmaxCrossEntropy& op) const {
  return Workspace::bytes_of_floats(3 * op.logits.shape[0]);
}

void CpuBackend::run_now(const SoftmaxCrossEntropy& op) {
  const std::int64_t rows = op.logits.shape[0], classes = op.logits.shape[1];
  float* row_results = workspace_.floats(3 * rows);
  const SoftmaxCrossEntropyRow row{op.logits.as<float>(),
                                   op.labels.as<std::int32_t>(),
                                   op.dlogits.as<float>(),
                                   row_results,
                                   classes,
                                   1.0f / static_cast<float>(rows),
                                   op.label_smoothing};
  for_each_item(threads_, rows, classes, OnOneLane{row});
  auto& totals = workspace_.doubles(3);
  std::fill(totals.begin(), totals.end(), 0.0);
  for (std::int64_t i = 0; i < 3 * rows; ++i) totals[static_cast<std::size_t>(i % 3)] += row_results[i];
  const SoftmaxCrossEntropyResult result{op.result.as<float>(), static_cast<double>(rows)};
  for_each_total<1>({1, rows, 3}, totals, result);
}

void CpuBackend::run_now(const SgdUpdate& op) {
  const SgdStep step{op.lr.as<float>(), op.scale.as<float>(), op.momentum, op.weight_decay,
                     op.nesterov,       op.w.data(),          op.v.data(), op.g.data()};
  for_each_packet(threads_, static_cast<std::int64_t>(op.w.size()), step);
}

void CpuBackend::run_now(const OuterUpdate& op) {
  const OuterStep step{op.lr, op.momentum, op.nesterov, op.w.data(), op.v.data(), op.start.data()};
  for_each_packet(threads_, static_cast<std::int64_t>(op.w.size()), step);
}

void CpuBackend::run_now(const Compress& op) {
  const CompressStep step{op.x.data(), op.start.data(), op.error.data()};
  for_each_packet(threads_, static_cast<std::int64_t>(op.x.size()), step);
}

void CpuBackend::run_now(const Average& op) {
  op.rounded == DType::kBFloat16 ? average_rounded_to<BFloat16>(op) : average_rounded_to<float>(op);
}

template <class T>
void CpuBackend::average_rounded_to(const Average& op) {
  using Sources = const float* const*;
  using Targets = float* const*;
  const int count = static_cast<int>(op.sources.size()), target_count = static_cast<int>(op.targets.size());
  const auto known = [&]<int kCount>(std::integral_constant<int, kCount>) {
    const KnownAverageTree<T, kCount, Sources, Targets> tree{op.sources.data(), op.targets.data(), target_count,
                                                             op.scale()};
    for_each_packet(threads_, op.n, tree);
  };
  const bool was_known = [&]<int... kBefore>(std::integer_sequence<int, kBefore...>) {
    return ((count == kBefore + 1 && (known(std::integral_constant<int, kBefore + 1>{}), true)) || ...);
  }
  (std::make_integer_sequence<int, 8>{});
  if (was_known) return;
  const AverageTree<T, Sources, Targets, 31> tree{op.sources.data(), op.targets.data(), count, target_count,
                                                  op.scale()};
  for_each_packet(threads_, op.n, tree);
}

// The sum of a term of each value, in rows of a packet.
template <class Terms>
double CpuBackend::sum_of_values(const Terms& terms, std::span<const float> values) {
  const RowSpace space = packets_of(values);
  auto& totals = workspace_.doubles(kPacket);
  column_sums(threads_, space, terms, workspace_.floats(column_sums_workspace<Terms>(space)), totals);
  Packet rest[1] = {};
  terms.terms(0, space.rows, 0, static_cast<int>(std::ssize(values) % kPacket), rest);
  for (int i = 0; i < kPacket; ++i) totals[static_cast<std::size_t>(i)] += rest[0][i];
  return std::accumulate(totals.begin(), totals.end(), 0.0);
}

std::size_t CpuBackend::workspace_of(const CountNonFinite& op) const {
  return Workspace::bytes_of_floats(column_sums_workspace<NonFiniteOnes>(packets_of(op.values)));
}
std::size_t CpuBackend::workspace_of(const SquaredDistance& op) const {
  return Workspace::bytes_of_floats(column_sums_workspace<SquaredDifferences>(packets_of(op.a)));
}
std::size_t CpuBackend::workspace_of(const ClipScale& op) const {
  return Workspace::bytes_of_floats(column_sums_workspace<Squares>(packets_of(op.values)));
}

void CpuBackend::run_now(const CountNonFinite& op) {
  *op.result.as<float>() = static_cast<float>(sum_of_values(NonFiniteOnes{op.values.data(), kPacket}, op.values));
}

void CpuBackend::run_now(const SquaredDistance& op) {
  const SquaredDifferences terms{op.a.data(), op.b.data(), kPacket};
  *op.result.as<float>() = static_cast<float>(sum_of_values(terms, op.a));
}

void CpuBackend::run_now(const ClipScale& op) {
  StoreClipScale{op.result.as<float>(), op.max_norm}(0, 0,
                                                     {sum_of_values(Squares{op.values.data(), kPacket}, op.values)});
}

void CpuBackend::run_now(const Augment& op) {
  with_type(op.y.dtype, [&]<class T>(T) {
    const Shape& shape = op.images.shape;
    const AugmentSource source{op.images.as<std::uint8_t>(),
                               op.indices.as<std::int32_t>(),
                               op.crops.as<Crop>(),
                               shape[1],
                               shape[2],
                               op.pad,
                               {op.mean[0], op.mean[1], op.mean[2]},
                               {op.std[0], op.std[1], op.std[2]}};
    for_each_item(threads_, op.y.shape[0] * shape[1], shape[2] * 3, AugmentRow<T>{source, op.y.as<T>()});
  });
}

void CpuBackend::run_now(const Stamp& op) {
  const auto since_start = std::chrono::steady_clock::now().time_since_epoch();
  const std::int64_t now = std::chrono::duration_cast<std::chrono::nanoseconds>(since_start).count();
  std::fill_n(op.y.as<std::int64_t>(), op.y.elements(), now);
}

}  // namespace drift
