// MemoryPool: hands out tensors and takes their memory back when the last handle goes. A training step asks for the
// same sizes in the same order each time, so from the second step on every request finds a block of exactly its size:
// the pool grows for one step and then never again. One thread uses it at a time; it must outlive its tensors.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/tensor.h"

namespace drift {

class MemoryPool {
 public:
  // Its memory is of `source` if one is given.
  explicit MemoryPool(Device device, std::shared_ptr<MemorySource> source = nullptr)
      : device_(device), source_(std::move(source)) {}
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  // Uninitialised. Throws kDevice when the device is out of memory, naming what was asked and what is held.
  Tensor allocate(const Shape& shape, DType dtype);

  Device device() const { return device_; }
  std::int64_t bytes_held() const { return bytes_held_; }      // by the pool, in use or free
  std::int64_t bytes_in_use() const { return bytes_in_use_; }  // by tensors
  std::int64_t peak_bytes_in_use() const { return peak_bytes_in_use_; }

 private:
  friend void detail::return_to_pool(detail::PoolBlock* block);
  detail::PoolBlock* grow(std::size_t bytes);

  Device device_;
  std::shared_ptr<MemorySource> source_;
  std::vector<std::unique_ptr<detail::PoolBlock>> blocks_;
  // By size in bytes; last in, first out: it may still be in cache.
  std::unordered_map<std::size_t, std::vector<detail::PoolBlock*>> free_;
  std::atomic<std::int64_t> bytes_held_ = 0;  // read from other threads
  std::int64_t bytes_in_use_ = 0;
  std::int64_t peak_bytes_in_use_ = 0;
};

}  // namespace drift
