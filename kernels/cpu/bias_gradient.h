// The gradient of a bias: dbias [C] float32 = the sum over rows of dy [rows, C], the same bits for any number of
// threads.
#pragma once

#include "kernels/cpu/workspace.h"
#include "kernels/launch/column_sums_cpu.h"
#include "kernels/math/pool.h"
#include "kernels/tensor_view.h"
#include "kernels/with_type.h"

namespace drift {

inline void sum_columns(int threads, const TensorView& dy, const TensorView& dbias, Workspace& workspace) {
  with_type(dy.dtype, [&]<class T>(T) {
    const RowSpace space{1, dy.elements() / dbias.elements(), dbias.elements()};
    const PlainSums<T> sums{dy.as<T>(), space.columns};
    auto& totals = workspace.doubles(space.columns);
    column_sums(threads, space, sums, workspace.floats(column_sums_workspace<PlainSums<T>>(space)), totals);
    for_each_total<1>(space, totals, StoreTotal{dbias.as<float>()});
  });
}

}  // namespace drift
