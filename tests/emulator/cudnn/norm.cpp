// Batch norm in its training phase, forward (with running statistics) and backward. Sums over a batch are kept in
// double; the values themselves are float32.
#include <cmath>
#include <optional>
#include <stdexcept>
#include <utility>

#include "tests/emulator/cudnn/operations.h"

namespace drift::emulator::cudnn {

namespace {

// Calls use(values, channel) for each element in memory order.
template <class Use>
void for_each_element(std::int64_t size, std::int64_t channels, Use use) {
  for (std::int64_t row = 0; row < size; row += channels) {
    for (std::int64_t c = 0; c < channels; ++c) use(row + c, c);
  }
}

struct Statistics {
  std::vector<double> mean, variance;  // biased: over the number of values
};

Statistics statistics_of(const Array& x) {
  const std::int64_t channels = x.channels();
  const auto count = static_cast<double>(x.size() / channels);
  Statistics result{std::vector<double>(channels, 0.0), std::vector<double>(channels, 0.0)};
  double* mean = result.mean.data();
  double* variance = result.variance.data();
  for_each_element(x.size(), channels, [&](std::int64_t i, std::int64_t c) { mean[c] += x.data[i]; });
  for (double& value : result.mean) value /= count;
  for_each_element(x.size(), channels, [&](std::int64_t i, std::int64_t c) {
    const double difference = x.data[i] - mean[c];
    variance[c] += difference * difference;
  });
  for (double& value : result.variance) value /= count;
  return result;
}

Array to_array(const TensorInfo& tensor, const std::vector<double>& values) {
  Array array(tensor.dims);
  if (array.data.size() != values.size()) throw std::runtime_error("a statistic is not one number per channel");
  for (std::size_t i = 0; i < values.size(); ++i) array.data[i] = static_cast<float>(values[i]);
  return array;
}

struct RunningStatistics {
  TensorInfo factor, mean_in, variance_in, mean_out, variance_out;
};

// out = (1 - factor) * in + factor * batch, with the unbiased variance of the batch.
void update_running(const RunningStatistics& running, const Statistics& batch, double count, Values& values) {
  const double factor = values.read(running.factor).data.at(0);
  const double unbiased = count > 1 ? count / (count - 1) : 1.0;
  std::vector<double> mean(batch.mean.size());
  std::vector<double> variance(batch.mean.size());
  const Array& mean_in = values.read(running.mean_in);
  const Array& variance_in = values.read(running.variance_in);
  for (std::size_t c = 0; c < mean.size(); ++c) {
    mean[c] = (1.0 - factor) * mean_in.data[c] + factor * batch.mean[c];
    variance[c] = (1.0 - factor) * variance_in.data[c] + factor * unbiased * batch.variance[c];
  }
  values.write(running.mean_out, to_array(running.mean_out, mean));
  values.write(running.variance_out, to_array(running.variance_out, variance));
}

void require_batch_norm(const Record& record, cudnnBackendAttributeName_t mode, cudnnBackendAttributeName_t peers) {
  if (record.value(mode, CUDNN_BATCH_NORM) != CUDNN_BATCH_NORM) {
    throw std::runtime_error("norms other than batch norm are not emulated");
  }
  if (!record.children(peers).empty()) throw std::runtime_error("batch norm over several devices is not emulated");
}

std::optional<RunningStatistics> running_statistics(const Record& record) {
  const auto factor = record.child(CUDNN_ATTR_OPERATION_NORM_FWD_EXP_AVG_FACTOR_DESC);
  if (factor == nullptr) return std::nullopt;
  return RunningStatistics{tensor_info(factor),
                           tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_FWD_INPUT_RUNNING_MEAN_DESC)),
                           tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_FWD_INPUT_RUNNING_VAR_DESC)),
                           tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_FWD_OUTPUT_RUNNING_MEAN_DESC)),
                           tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_FWD_OUTPUT_RUNNING_VAR_DESC))};
}

}  // namespace

Operation make_norm_forward(const Record& record) {
  require_batch_norm(record, CUDNN_ATTR_OPERATION_NORM_FWD_MODE, CUDNN_ATTR_OPERATION_NORM_FWD_PEER_STAT_DESCS);
  if (record.value(CUDNN_ATTR_OPERATION_NORM_FWD_PHASE, CUDNN_NORM_FWD_TRAINING) != CUDNN_NORM_FWD_TRAINING) {
    throw std::runtime_error("batch norm in its inference phase is not emulated");
  }
  const auto x_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_FWD_XDESC));
  const auto scale_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_FWD_SCALE_DESC));
  const auto bias_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_FWD_BIAS_DESC));
  const auto epsilon_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_FWD_EPSILON_DESC));
  const auto mean_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_FWD_MEAN_DESC));
  const auto inverse_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_FWD_INV_VARIANCE_DESC));
  const auto y_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_FWD_YDESC));
  const auto running = running_statistics(record);
  return [=](Values& values) {
    const Array& x = values.read(x_info);
    const Statistics batch = statistics_of(x);
    const std::int64_t channels = x.channels();
    const double epsilon = values.read(epsilon_info).data.at(0);
    std::vector<double> inverse(channels);
    for (std::int64_t c = 0; c < channels; ++c) inverse[c] = 1.0 / std::sqrt(batch.variance[c] + epsilon);
    const Array mean = to_array(mean_info, batch.mean);
    const Array inverse_deviation = to_array(inverse_info, inverse);
    const Array& scale = values.read(scale_info);
    const Array& bias = values.read(bias_info);
    Array y(y_info.dims);
    for_each_element(x.size(), channels, [&](std::int64_t i, std::int64_t c) {
      y.data[i] = (x.data[i] - mean.data[c]) * inverse_deviation.data[c] * scale.data[c] + bias.data[c];
    });
    if (running) update_running(*running, batch, static_cast<double>(x.size() / channels), values);
    values.write(mean_info, mean);
    values.write(inverse_info, inverse_deviation);
    values.write(y_info, std::move(y));
  };
}

Operation make_norm_backward(const Record& record) {
  require_batch_norm(record, CUDNN_ATTR_OPERATION_NORM_BWD_MODE, CUDNN_ATTR_OPERATION_NORM_BWD_PEER_STAT_DESCS);
  const auto x_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_BWD_XDESC));
  const auto dy_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_BWD_DYDESC));
  const auto scale_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_BWD_SCALE_DESC));
  const auto mean_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_BWD_MEAN_DESC));
  const auto inverse_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_BWD_INV_VARIANCE_DESC));
  const auto dscale_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_BWD_DSCALE_DESC));
  const auto dbias_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_BWD_DBIAS_DESC));
  const auto dx_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_NORM_BWD_DXDESC));
  return [=](Values& values) {
    const Array& x = values.read(x_info);
    const Array& dy = values.read(dy_info);
    const Array& scale = values.read(scale_info);
    const Array& mean = values.read(mean_info);
    const Array& inverse = values.read(inverse_info);
    const std::int64_t channels = x.channels();
    const auto normalized = [&](std::int64_t i, std::int64_t c) {
      return (x.data[i] - mean.data[c]) * inverse.data[c];
    };
    std::vector<double> dscale(channels, 0.0);
    std::vector<double> dbias(channels, 0.0);
    for_each_element(x.size(), channels, [&](std::int64_t i, std::int64_t c) {
      dbias[c] += dy.data[i];
      dscale[c] += dy.data[i] * normalized(i, c);
    });
    std::vector<float> dscale_mean(channels);
    std::vector<float> dbias_mean(channels);
    const auto count = static_cast<double>(x.size() / channels);
    for (std::int64_t c = 0; c < channels; ++c) {
      dscale_mean[c] = static_cast<float>(dscale[c] / count);
      dbias_mean[c] = static_cast<float>(dbias[c] / count);
    }
    Array dx(dx_info.dims);
    for_each_element(x.size(), channels, [&](std::int64_t i, std::int64_t c) {
      dx.data[i] = scale.data[c] * inverse.data[c] * (dy.data[i] - dbias_mean[c] - normalized(i, c) * dscale_mean[c]);
    });
    values.write(dscale_info, to_array(dscale_info, dscale));
    values.write(dbias_info, to_array(dbias_info, dbias));
    values.write(dx_info, std::move(dx));
  };
}

}  // namespace drift::emulator::cudnn
