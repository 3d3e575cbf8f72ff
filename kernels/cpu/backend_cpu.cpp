#include "kernels/cpu/backend_cpu.h"

#include <algorithm>
#include <cstring>

#include "core/check.h"
#include "kernels/cpu/bias_gradient.h"
#include "kernels/launch/openmp_threads.h"

namespace drift {

CpuBackend::CpuBackend(Stream& stream, const BackendOptions& options)
    : stream_(stream),
      threads_(stream.threads()),
      convolutions_(workspace_, threads_, options.convolutions),
      linears_(workspace_, threads_),
      normalisations_(workspace_, threads_) {
  DRIFT_CHECK(kDevice,
              options.convolutions != ConvolutionChoice::kWinograd || WinogradConvolutions::available(DType::kFloat32),
              "--conv winograd needs a CPU with AVX-512, and this one, {}, has {}: use --conv auto",
              cpu_features().model, cpu_features().instruction_sets);
}

void CpuBackend::run(const Op& op) {
  use_openmp_threads(threads_);
  const struct GiveBack {
    Workspace& workspace;
    ~GiveBack() { workspace.give_back(); }
  } at_the_end{workspace_};
  std::visit([this](const auto& args) { run_now(args); }, op);
}

std::int64_t CpuBackend::workspace_bytes(const Op& op) {
  use_openmp_threads(threads_);  // for which oneDNN plans
  return static_cast<std::int64_t>(std::visit([this](const auto& args) { return workspace_of(args); }, op));
}

std::size_t CpuBackend::workspace_of(const LinearBackward& op) const {
  return std::max(Linears::workspace_bytes(op), Workspace::bytes_of_floats(sum_columns_floats(op.dy, op.dbias)));
}

void CpuBackend::run_now(const Copy& op) {
  if (op.from.bytes() == 0) return;  // its place may be null, which memcpy forbids
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
  if (op.dbias) sum_columns(threads_, op.dy, op.dbias, workspace_);
}

}  // namespace drift
