// See memory_pool.h.
#include "engine/memory_pool.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "core/check.h"
#include "core/log.h"

namespace drift {

MemoryPool::~MemoryPool() {
  if (bytes_in_use_ == 0) return;
  // A tensor that is still there would write to freed memory.
  report_error(fmt::format("a memory pool ends while tensors hold {} bytes of it", bytes_in_use_));
  std::abort();
}

Tensor MemoryPool::allocate(const Shape& shape, DType dtype) {
  const std::int64_t elements = shape.elements();
  DRIFT_ASSERT(elements > 0, "a tensor needs at least one element, asked for {}", to_string(shape));
  const std::size_t bytes = static_cast<std::size_t>(elements) * size_of(dtype);

  std::vector<detail::PoolBlock*>& free_blocks = free_[bytes];
  if (free_blocks.empty()) free_blocks.push_back(grow(bytes));
  detail::PoolBlock* const block = free_blocks.back();
  free_blocks.pop_back();

  bytes_in_use_ += static_cast<std::int64_t>(bytes);
  peak_bytes_in_use_ = std::max(peak_bytes_in_use_, bytes_in_use_);
  Tensor result;
  block->handles = 1;
  result.block_ = block;
  result.shape_ = shape;
  result.dtype_ = dtype;
  return result;
}

detail::PoolBlock* MemoryPool::grow(std::size_t bytes) {
  auto block = std::make_unique<detail::PoolBlock>();
  block->home = this;
  try {
    block->storage = Storage(device_, bytes, source_);
  } catch (const OutOfMemory& error) {
    throw OutOfMemory(fmt::format("{}; this pool of activations holds {} bytes, {} of them in use", error.message(),
                                  bytes_held(), bytes_in_use_));
  }
  bytes_held_ += static_cast<std::int64_t>(bytes);
  blocks_.push_back(std::move(block));
  return blocks_.back().get();
}

void detail::return_to_pool(PoolBlock* block) {
  MemoryPool& pool = *block->home;
  pool.bytes_in_use_ -= static_cast<std::int64_t>(block->storage.bytes());
  pool.free_.find(block->storage.bytes())->second.push_back(block);
}

}  // namespace drift
