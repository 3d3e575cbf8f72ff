// One SGD step in PyTorch's convention, the mean of replicas, what is left of what travels to it as bfloat16, and the
// outer optimizer's step from it. Templates over
// the number: in double they are the oracle of the simulation, in float (same formula, same order) they say which bits
// the backend must produce.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace drift::reference {

template <class Real>
struct SgdOptions {
  Real lr = 0, momentum = 0, weight_decay = 0;
  bool nesterov = false;
};

// min(1, max_norm / (|g| + 1e-6)), as PyTorch's clip_grad_norm_.
double clip_scale(std::span<const double> g, double max_norm);

// g' = g + weight_decay w;  v <- momentum v + g';  w <- w - lr (nesterov ? g' + momentum v : v)
template <class Real>
void sgd_update(const SgdOptions<Real>& options, std::span<const Real> g, std::span<Real> v, std::span<Real> w);

// d = w - start;  v <- momentum v + d;  w <- w - (d - lr (nesterov ? d + momentum v : v))
template <class Real>
void outer_update(const SgdOptions<Real>& options, std::span<const Real> start, std::span<Real> v, std::span<Real> w);

// Element by element (x_0 + ... + x_{K-1}) times 1/divisor, summed in the fixed balanced tree: first neighbours, then
// pairs of pairs. divisor 0: K.
template <class Real>
std::vector<Real> tree_average(std::vector<std::vector<Real>> replicas, std::int64_t divisor = 0);

// The same with each replica, each sum and the mean rounded to bfloat16.
std::vector<float> rounded_tree_average(std::vector<std::vector<float>> replicas, std::int64_t divisor = 0);

// d = x - start + error;  x <- d rounded to bfloat16;  error <- d - x; no start, no error: 0
void compress(std::span<const float> start, std::span<float> error, std::span<float> x);

}  // namespace drift::reference
