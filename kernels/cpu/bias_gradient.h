// The gradient of a bias: dbias [C] float32 = the sum over rows of dy [rows, C], the same bits for any number of
// threads.
#pragma once

#include "kernels/cpu/workspace.h"
#include "kernels/launch/column_sums_cpu.h"
#include "kernels/launch/row_spaces.h"
#include "kernels/math/pool.h"
#include "kernels/tensor_view.h"
#include "kernels/with_type.h"

namespace drift {

// Floats that sum_columns cuts; 0 without a bias.
inline std::int64_t sum_columns_floats(const TensorView& dy, const TensorView& dbias) {
  return dbias ? column_sums_workspace<PlainSums<float>>(rows_of(dy)) : 0;
}

inline void sum_columns(int threads, const TensorView& dy, const TensorView& dbias, Workspace& workspace) {
  with_type(dy.dtype, [&]<class T>(T) {
    const RowSpace space = rows_of(dy);
    const PlainSums<T> sums{dy.as<T>(), space.columns};
    auto& totals = workspace.doubles(space.columns);
    column_sums(threads, space, sums, workspace.floats(sum_columns_floats(dy, dbias)), totals);
    for_each_total<1>(space, totals, StoreTotal{dbias.as<float>()});
  });
}

}  // namespace drift
