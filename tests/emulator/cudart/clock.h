// Vector clocks: entry s counts the operations of stream s that happen before a point of the program. An operation
// happens before another one if the other's clock has counted it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace drift::emulator {

class Clock {
 public:
  void join(const Clock& other) {
    if (counts_.size() < other.counts_.size()) counts_.resize(other.counts_.size());
    for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[i] = std::max(counts_[i], other.counts_[i]);
  }
  std::uint32_t advance(std::uint32_t stream) {
    if (counts_.size() <= stream) counts_.resize(stream + 1);
    return ++counts_[stream];
  }
  bool empty() const { return counts_.empty(); }
  bool has_seen(std::uint32_t stream, std::uint32_t sequence) const {
    return stream < counts_.size() && counts_[stream] >= sequence;
  }

 private:
  std::vector<std::uint32_t> counts_;
};

}  // namespace drift::emulator
