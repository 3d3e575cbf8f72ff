// Workspace: scratch memory for the operations of one backend. Each operation cuts what it needs from the start and
// gives it back when it is done, so nothing in it survives from one operation to the next. Much of it is the process's:
// as many pieces as such operations ever ran at once, each of the size of the largest that came by. So workers that
// take turns need that of one. A little is the backend's own, or what runs beside the steps of others (a look at the
// finished replica) would take a piece from them, now and then, and they would have to make another one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/spares.h"
#include "kernels/device.h"

namespace drift {

class Workspace {
 public:
  // Memory for the parts of one operation, each aligned to 64 bytes; valid until the next cut().
  template <class... Bytes>
  auto cut(Bytes... bytes) {
    std::byte* next = taken(bytes_for(bytes...));
    const auto take = [&](std::size_t size) {
      std::byte* part = next;
      next += rounded(size);
      return part;
    };
    return std::array<std::byte*, sizeof...(Bytes)>{take(static_cast<std::size_t>(bytes))...};
  }
  float* floats(std::int64_t count) { return reinterpret_cast<float*>(cut(count * std::int64_t{sizeof(float)})[0]); }
  // The operation is done.
  void give_back() { piece_.reset(); }

  // What cut() with these takes, and floats().
  template <class... Bytes>
  static std::size_t bytes_for(Bytes... bytes) {
    return (rounded(static_cast<std::size_t>(bytes)) + ...);
  }
  static std::size_t bytes_of_floats(std::int64_t count) { return bytes_for(count * std::int64_t{sizeof(float)}); }
  // The most that was cut at once.
  std::size_t largest() const { return largest_; }

  // Host memory for totals, likewise.
  std::vector<double>& doubles(std::int64_t count) {
    doubles_.resize(static_cast<std::size_t>(count));
    return doubles_;
  }

 private:
  static std::size_t rounded(std::size_t bytes) { return (bytes + 63) / 64 * 64; }
  static Spares<Storage>& pieces();
  std::byte* taken(std::size_t bytes);

  static constexpr std::size_t kOwnMax = std::size_t{256} << 10;
  Storage own_;
  std::optional<Spares<Storage>::Loan> piece_;
  std::size_t largest_ = 0;
  std::vector<double> doubles_;
};

}  // namespace drift
