// The same for group normalisation: sums per sample and channel are folded into groups in double and spread again over
// tables [samples, C] that the maps of batch_norm.h read.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/math/packet.h"

namespace drift {
inline namespace DRIFT_PACKETS {

struct GroupLayout {
  std::int64_t groups, channels, rows;  // rows: pixels of one sample

  DRIFT_HD std::int64_t width() const { return channels / groups; }
  DRIFT_HD double elements() const { return static_cast<double>(rows * width()); }  // of one group
};

// Keeps the column sums, double [samples, 2, C].
struct StoreTotals {
  double* totals;
  std::int64_t channels;

  DRIFT_HD void operator()(std::int64_t segment, std::int64_t channel, const double (&sums)[2]) const {
    totals[2 * segment * channels + channel] = sums[0];
    totals[(2 * segment + 1) * channels + channel] = sums[1];
  }
};

// One group of one sample, counted [samples, groups].
struct GroupStatistics {
  GroupLayout layout;
  const double* totals;  // of (x - shift) and (x - shift)^2
  const float* shift;    // [samples, C]
  const float* gamma;
  float* mean;  // [samples, groups]
  float* inv_std;
  float* mean_table;  // [samples, C]
  float* scale_table;
  float epsilon;

  DRIFT_HD void operator()(std::int64_t group) const {
    const std::int64_t channels = layout.channels, width = layout.width();
    const std::int64_t sample = group / layout.groups, first = group % layout.groups * width;
    const double* sums = totals + 2 * sample * channels;
    const float* shifts = shift + sample * channels;
    const double rows = static_cast<double>(layout.rows), elements = layout.elements();
    double group_mean = 0, squares = 0;
    for (std::int64_t c = first; c < first + width; ++c) group_mean += (rows * shifts[c] + sums[c]) / elements;
    for (std::int64_t c = first; c < first + width; ++c) {
      // sum (x - m)^2 = sum (x-s)^2 - 2 (m-s) sum (x-s) + rows (m-s)^2
      const double offset = group_mean - shifts[c];
      squares += sums[channels + c] - 2 * offset * sums[c] + rows * offset * offset;
    }
    const double variance = squares < 0.0 ? 0.0 : squares / elements;  // a NaN stays
    const double inverse = 1.0 / std::sqrt(variance + epsilon);
    mean[group] = static_cast<float>(group_mean);
    inv_std[group] = static_cast<float>(inverse);
    for (std::int64_t c = first; c < first + width; ++c) {
      mean_table[sample * channels + c] = static_cast<float>(group_mean);
      scale_table[sample * channels + c] = static_cast<float>(gamma[c] * inverse);
    }
  }
};

// The mean of each channel's group; i counts [samples, C].
struct SpreadGroupMeans {
  GroupLayout layout;
  const float* mean;
  float* mean_table;

  DRIFT_HD void operator()(std::int64_t i) const {
    mean_table[i] = mean[i / layout.channels * layout.groups + i % layout.channels / layout.width()];
  }
};

// The a, b, c of NormBackwardApply for one group of one sample.
struct GroupGradients {
  GroupLayout layout;
  const double* totals;  // of dy and dy (x - mean)
  const float* inv_std;  // [samples, groups]
  const float* gamma;
  float* a;  // [samples, C], likewise b and c
  float* b;
  float* c;

  DRIFT_HD void operator()(std::int64_t group) const {
    const std::int64_t channels = layout.channels, width = layout.width();
    const std::int64_t sample = group / layout.groups, first = group % layout.groups * width;
    const double* sums = totals + 2 * sample * channels;
    const double inverse = inv_std[group], elements = layout.elements();
    double weighted = 0, weighted_x = 0;  // sums over the group of gamma dy and of gamma dy xhat
    for (std::int64_t i = first; i < first + width; ++i) {
      weighted += double{gamma[i]} * sums[i];
      weighted_x += double{gamma[i]} * sums[channels + i] * inverse;
    }
    for (std::int64_t i = first; i < first + width; ++i) {
      a[sample * channels + i] = static_cast<float>(gamma[i] * inverse);
      b[sample * channels + i] = static_cast<float>(inverse * weighted / elements);
      c[sample * channels + i] = static_cast<float>(inverse * inverse * weighted_x / elements);
    }
  }
};

// dgamma and dbeta of one channel, over the samples in order.
struct GroupParameterGradients {
  GroupLayout layout;
  const double* totals;
  const float* inv_std;
  float* dgamma;
  float* dbeta;
  std::int64_t samples;

  DRIFT_HD void operator()(std::int64_t channel) const {
    double sum = 0, weighted = 0;
    for (std::int64_t sample = 0; sample < samples; ++sample) {
      const double* sums = totals + 2 * sample * layout.channels;
      sum += sums[channel];
      weighted += sums[layout.channels + channel] * inv_std[sample * layout.groups + channel / layout.width()];
    }
    dbeta[channel] = static_cast<float>(sum);
    dgamma[channel] = static_cast<float>(weighted);
  }
};

}  // namespace DRIFT_PACKETS
}  // namespace drift
