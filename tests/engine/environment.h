// What engine and model tests run on: a CPU stream with its backend, a pool, and tensors to and from host vectors.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/check.h"
#include "core/rng.h"
#include "engine/ops/ops.h"
#include "tests/support/error_of.h"

namespace drift::testing {

class Environment {
 public:
  explicit Environment(int threads = 1) : stream_(make_stream(Device{}, threads)), backend_(make_backend(*stream_)) {}

  Backend& backend() { return *backend_; }
  MemoryPool& pool() { return pool_; }

  Tensor tensor(const Shape& shape, const std::vector<float>& values, DType dtype = DType::kFloat32) {
    Tensor source = pool_.allocate(shape, DType::kFloat32);
    backend_->upload(values.data(), source.view());
    if (dtype == DType::kFloat32) return source;
    Tensor result = pool_.allocate(shape, dtype);
    backend_->cast(source.view(), result.view());
    return result;
  }

  // Standard normal numbers, the same for the same stream.
  Tensor normal(const Shape& shape, std::uint64_t stream, DType dtype = DType::kFloat32) {
    return tensor(shape, normal_values(shape.elements(), stream), dtype);
  }

  static std::vector<float> normal_values(std::int64_t count, std::uint64_t stream) {
    const Rng rng(1, stream_id(Purpose::kTest, 0, stream));
    std::vector<float> values(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = rng.normal(i);
    return values;
  }

  Tensor labels(const std::vector<std::int32_t>& values) {
    Tensor result = pool_.allocate({static_cast<std::int64_t>(values.size())}, DType::kInt32);
    backend_->upload(values.data(), result.view());
    return result;
  }

  // 0, 1, ..., classes-1, 0, ...
  Tensor cyclic_labels(std::int64_t count, std::int64_t classes) {
    std::vector<std::int32_t> values;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<std::int32_t>(i % classes));
    return labels(values);
  }

  std::vector<float> read(const TensorView& view) {
    std::vector<float> values(static_cast<std::size_t>(view.elements()));
    backend_->download(view, values.data());
    return values;
  }
  std::vector<float> read(const Tensor& tensor) { return read(tensor.view()); }

 private:
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Backend> backend_;
  MemoryPool pool_{Device{}};
};

// Runs `action` and expects an error of this kind whose message has all the pieces.
template <class Action>
void expect_error(ErrorKind kind, const std::vector<std::string_view>& pieces, const Action& action) {
  const Error error = error_of(action);
  EXPECT_EQ(error.kind(), kind) << error.message();
  for (const std::string_view piece : pieces) {
    EXPECT_NE(error.message().find(piece), std::string::npos) << "'" << piece << "' is not in: " << error.message();
  }
}

}  // namespace drift::testing
