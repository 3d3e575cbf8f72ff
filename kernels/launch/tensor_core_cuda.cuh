// What tensor cores are fed and do, by the names of PTX: cp.async (global to shared memory, past the registers),
// ldmatrix (8x8 matrices from shared memory to the lanes of a warp) and mma (their product). All lanes of a warp call.
//
// A fragment is a lane's share of a matrix that lies spread over the registers of a warp. With g = lane / 4 and
// t = 2 (lane % 4), a register holds of an 8x8 matrix of bfloat16 elements (g, t) and (g, t+1): what ldmatrix gives.
// A 16x16 matrix is four of those: above left, below left, above right, below right; one of 16x8 floats is elements
// (g, t), (g, t+1), (g+8, t), (g+8, t+1).
#pragma once

#include <cstdint>
#include <cuda_runtime.h>

namespace drift::tensor_core {

inline constexpr int kWarp = 32;

__device__ inline int lane_index() {
  return static_cast<int>(threadIdx.x) % kWarp;
}
__device__ inline int warp_index() {
  return static_cast<int>(threadIdx.x) / kWarp;
}

// The lane's fragments of four 8x8 matrices of 16-bit elements.
struct Fragments {
  std::uint32_t of[4];
};

__device__ inline std::uint32_t shared_address(const void* shared) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
}

// Starts a copy of 16 bytes to shared memory; without `exists` they become zeros and `from` is not read.
__device__ inline void copy_async(void* to, const void* from, bool exists) {
  const int bytes = exists ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(bytes));
}

// Makes a group of the copies that this thread has started.
__device__ inline void commit_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

// Waits for this thread's groups but for the newest kNewest; a barrier makes what came visible to the block.
template <int kNewest>
__device__ inline void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kNewest) : "memory");
}

// Lane 8 m + r names the 16 bytes of row r of matrix m.
__device__ inline Fragments load_matrices(const void* row) {
  Fragments f;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(f.of[0]), "=r"(f.of[1]), "=r"(f.of[2]), "=r"(f.of[3])
               : "r"(shared_address(row)));
  return f;
}

// The same of the matrices' transposes.
__device__ inline Fragments load_transposed(const void* row) {
  Fragments f;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(f.of[0]), "=r"(f.of[1]), "=r"(f.of[2]), "=r"(f.of[3])
               : "r"(shared_address(row)));
  return f;
}

// sum [16x8] += a [16x16] b [16x8], where the registers of b hold the transposes of its upper and lower half.
__device__ inline void multiply_add(float (&sum)[4], const Fragments& a, std::uint32_t b_upper, std::uint32_t b_lower) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a.of[0]), "r"(a.of[1]), "r"(a.of[2]), "r"(a.of[3]), "r"(b_upper), "r"(b_lower));
}

}  // namespace drift::tensor_core
