#include "bench/common/peaks.h"

#include <cstring>
#include <omp.h>
#include <vector>

#include "bench/common/measure.h"
#include "core/thread_team.h"
#include "kernels/backend.h"
#include "kernels/cpu/onednn.h"
#include "kernels/math/packet.h"

namespace drift::bench {

double measured_bandwidth(int threads, int megabytes) {
  const auto stream = make_stream(Device{}, threads);
  const auto backend = make_backend(*stream);
  const std::int64_t n = std::int64_t{megabytes} * 1000 * 1000 / 4;
  const Storage a(Device{}, static_cast<std::size_t>(4 * n)), b(Device{}, static_cast<std::size_t>(4 * n)),
      y(Device{}, static_cast<std::size_t>(4 * n));
  const TensorView va{a.data(), {n}}, vb{b.data(), {n}}, vy{y.data(), {n}};
  for (const TensorView& view : {va, vb, vy}) backend->fill(view, 1.0f);
  const Sample sample = measure(1, 9, [&] { backend->add(va, vb, vy); });
  return 12.0 * static_cast<double>(n) / sample.at(0.1);
}

namespace {

constexpr int kChains = 12;
constexpr std::int64_t kSteps = 2'000'000;

// Compiled with contraction: this is the one place that wants fused multiply-adds.
__attribute__((optimize("fp-contract=fast"), noinline)) float chains(float start) {
  Packet sums[kChains];
  for (int c = 0; c < kChains; ++c) sums[c] = broadcast(start + static_cast<float>(c));
  const Packet factor = broadcast(0.999f), term = broadcast(0.001f);
  for (std::int64_t step = 0; step < kSteps; ++step) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) sums[c] = sums[c] * factor + term;
  }
  Packet total = {};
  for (int c = 0; c < kChains; ++c) total += sums[c];
  return total[0];
}

double float32_peak(int threads) {
  std::vector<float> results(static_cast<std::size_t>(threads));
  const Sample sample = measure(1, 7, [&] {
    ThreadTeam("the peak", threads, [&](int t, const std::stop_token&) {
      results[static_cast<std::size_t>(t)] = chains(static_cast<float>(t));
    });
  });
  const double kept = results[0] > 1e30f ? 0 : 1;  // the results are used, so the chains are computed
  return kept * 2.0 * kPacket * kChains * static_cast<double>(kSteps) * threads / sample.at(0.1);
}

double bfloat16_peak(int threads) {
  omp_set_num_threads(threads);
  constexpr std::int64_t kSide = 2048;
  using dnnl::memory;
  const memory::desc matrix({kSide, kSide}, memory::data_type::bf16, memory::format_tag::ab);
  const memory::desc any({kSide, kSide}, memory::data_type::bf16, memory::format_tag::any);
  const auto description = onednn::describe<dnnl::matmul>(matrix, any, matrix);
  const auto make = [](const memory::desc& desc) {
    memory result(desc, onednn::engine());
    std::memset(result.get_data_handle(), 0, desc.get_size());
    return result;
  };
  const dnnl::matmul product(description);
  dnnl::stream stream(onednn::engine());
  const std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, make(matrix)},
                                                  {DNNL_ARG_WEIGHTS, make(description.weights_desc())},
                                                  {DNNL_ARG_DST, make(matrix)},
                                                  {DNNL_ARG_SCRATCHPAD, make(description.scratchpad_desc())}};
  const Sample sample = measure(2, 9, [&] { product.execute(stream, arguments); });
  return 2.0 * kSide * kSide * kSide / sample.at(0.1);
}

}  // namespace

double measured_peak_flops(int threads, DType precision) {
  return precision == DType::kBFloat16 ? bfloat16_peak(threads) : float32_peak(threads);
}

}  // namespace drift::bench
