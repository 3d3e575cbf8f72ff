// Linked where a build has no CUDA.
#include "kernels/cuda.h"

#include "core/check.h"

namespace drift {
namespace {

[[noreturn]] void missing() {
  DRIFT_FAIL(kDevice,
             "this build of Drift has no CUDA backend: use --device cpu, or build with -DDRIFT_CUDA=ON where a CUDA "
             "toolkit 12.4 or newer with cuDNN 9.11 or newer is installed");
}

}  // namespace

int cuda_device_count() {
  return 0;
}
void require_cuda_device(int) {
  missing();
}
std::string cuda_device_name(int) {
  missing();
}
std::int64_t free_bytes_cuda(int) {
  missing();
}
void make_cuda_current(int) {
  missing();
}
std::unique_ptr<Stream> make_cuda_stream(int) {
  missing();
}
void* allocate_cuda(int, std::size_t) {
  missing();
}
void free_cuda(int, void*) noexcept {}
void* allocate_cuda_host(int, std::size_t) {
  missing();
}
void free_cuda_host(int, void*) noexcept {}
void begin_cuda_profile(int) {
  missing();
}
void end_cuda_profile(int) noexcept {}
void* make_cuda_event(int) {
  missing();
}
void destroy_cuda_event(int, void*) noexcept {}
void record_cuda_event(void*, Stream&) {
  missing();
}
void copy_from_host_cuda(Stream&, const void*, std::size_t, void*) {
  missing();
}
void wait_cuda_event(void*, Stream&) {
  missing();
}
void synchronize_cuda_event(int, void*) {
  missing();
}
std::unique_ptr<KernelWatch> make_cuda_kernel_watch() {
  missing();
}
std::unique_ptr<Backend> make_cuda_backend(Stream&, const BackendOptions&) {
  missing();
}
std::unique_ptr<Backend> make_planning_backend(Stream&, const std::filesystem::path&, const BackendOptions&) {
  missing();
}

}  // namespace drift
