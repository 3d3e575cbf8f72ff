// What lets libFuzzer see where GCC's code goes: that calls a function at each edge, the other looks at counters.
#include <cstddef>
#include <cstdint>

// NOLINTBEGIN: the names are those of GCC and of libFuzzer
extern "C" void __sanitizer_cov_8bit_counters_init(std::uint8_t* begin, std::uint8_t* end);

namespace {

constexpr std::size_t kCounters = 1 << 16;
std::uint8_t counters[kCounters];  // no std::array: its functions would be looked at too

[[gnu::constructor]] void tell() {
  __sanitizer_cov_8bit_counters_init(counters, counters + kCounters);
}

}  // namespace

extern "C" [[gnu::no_sanitize_coverage]] [[gnu::no_sanitize("all")]] void __sanitizer_cov_trace_pc() {
  const auto place = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
  ++counters[(place ^ (place >> 16)) % kCounters];
}
// Comparisons of floats, which libFuzzer does not look at.
extern "C" void __sanitizer_cov_trace_cmpf(float, float) {}
extern "C" void __sanitizer_cov_trace_cmpd(double, double) {}
// NOLINTEND
