// Linked where a build has no CUDA.
#include "kernels/cuda.h"

#include "core/check.h"

namespace drift {
namespace {

[[noreturn]] void missing() {
  DRIFT_FAIL(kDevice, "this version of Drift has no CUDA backend: use --device cpu");
}

}  // namespace

int cuda_device_count() {
  return 0;
}
std::unique_ptr<Stream> make_cuda_stream(int) {
  missing();
}
void* allocate_cuda(int, std::size_t) {
  missing();
}
void free_cuda(int, void*) noexcept {}
std::unique_ptr<Backend> make_cuda_backend(Stream&) {
  missing();
}

}  // namespace drift
