#include "kernels/cpu/backend_cpu.h"

#include <cstring>

#include "kernels/launch/column_sums_cpu.h"
#include "kernels/launch/openmp_threads.h"
#include "kernels/math/pool.h"

namespace drift {

CpuBackend::CpuBackend(Stream& stream)
    : stream_(stream),
      threads_(stream.threads()),
      workspace_(stream.device()),
      convolutions_(workspace_),
      linears_(workspace_, threads_),
      normalisations_(workspace_, threads_) {}

void CpuBackend::run(const Op& op) {
  use_openmp_threads(threads_);
  std::visit([this](const auto& args) { run_now(args); }, op);
}

void CpuBackend::run_now(const Copy& op) {
  std::memcpy(op.to.data, op.from.data, op.from.bytes());
}

void CpuBackend::run_now(const Upload& op) {
  std::memcpy(op.to.data, op.host, op.to.bytes());
}

void CpuBackend::run_now(const Download& op) {
  std::memcpy(op.host, op.from.data, op.from.bytes());
}

void CpuBackend::run_now(const DownloadAsync& op) {
  std::memcpy(op.to->data(), op.from.data, op.from.bytes());
}

void CpuBackend::run_now(const LinearBackward& op) {
  linears_.backward(op);
  if (!op.dbias) return;
  const RowSpace space{1, op.dy.shape[0], op.dy.shape[1]};
  const PlainSums<float> sums{op.dy.as<float>(), space.columns};
  auto& totals = workspace_.doubles(space.columns);
  column_sums(threads_, space, sums, workspace_.floats(column_sums_workspace<PlainSums<float>>(space)), totals);
  for_each_total<1>(space, totals, StoreTotal{op.dbias.as<float>()});
}

}  // namespace drift
