// bench_collectives: the mean over the processes of an MPI job, a worker each, beside MPI_Allreduce of the same floats
// and beside copying them in memory. Run it by `mpirun -n 2 bench_collectives`. Bandwidths are those of nccl-tests:
// algorithm bandwidth is the span's bytes by the time, bus bandwidth 2(P-1)/P of it, what each process has to send. The
// result is checked before anything is timed.
#include <CLI/CLI.hpp>
#include <cstring>
#include <fmt/core.h>
#include <memory>
#include <mpi.h>
#include <nlohmann/json.hpp>
#include <vector>

#include "bench/common/measure.h"
#include "bench/common/program.h"
#include "comm/averaging.h"
#include "comm/mpi.h"
#include "core/check.h"

namespace drift::bench {
namespace {

struct Options {
  double smallest_kilobytes = 4, largest_megabytes = 256;
  int samples = 15;
  std::string json;
};

// A process of the job, with its one worker.
struct Process {
  std::shared_ptr<Transport> transport = make_mpi_transport();
  Team team{.workers = transport->processes(), .processes = transport->processes(), .process = transport->process()};
  std::unique_ptr<Communicator> comm = std::move(make_communicators({team, transport}).front());
  std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  std::unique_ptr<Backend> backend = make_backend(*stream);
};

// Integers whose sums are exact in any order: worker k has i % 97 + 2k.
void check(Process& process, std::vector<float>& values) {
  const auto plain = [](std::size_t i) { return static_cast<float>(i % 97); };
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = plain(i) + 2.0f * static_cast<float>(process.team.process);
  process.comm->all_reduce_mean(values, *process.backend);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float expected = plain(i) + static_cast<float>(process.team.processes - 1);
    DRIFT_CHECK(kTolerance, values[i] == expected, "the mean of element {} of {} is {}, not {}", i, values.size(),
                values[i], expected);
  }
}

// Seconds of one call, of many that follow each other; all processes begin together.
template <class Call>
double seconds_of(Process& process, std::size_t bytes, int samples, const Call& call) {
  const int calls = std::max(1, static_cast<int>(4e6 / static_cast<double>(bytes)));
  const Sample sample = measure(2, samples, [&] {
    process.transport->barrier();
    for (int i = 0; i < calls; ++i) call();
  });
  return sample.median() / calls;
}

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Times the mean over processes. Start it by mpirun."};
  app.add_option("--smallest-kilobytes", options.smallest_kilobytes, "first size")->capture_default_str();
  app.add_option("--largest-megabytes", options.largest_megabytes, "last size")->capture_default_str();
  app.add_option("--samples", options.samples, "measurements of each size")->capture_default_str();
  app.add_option("--json", options.json, "also write the figures to this file");
  CLI11_PARSE(app, argc, argv);

  Process process;
  const bool speaks = process.team.process == 0;
  const int processes = process.team.processes;
  nlohmann::json rows = nlohmann::json::array();
  if (speaks) {
    fmt::print("{} processes, a worker each; GB/s of the span's bytes, bus = 2(P-1)/P of that\n\n", processes);
    fmt::print(
        "| bytes | mean, us | GB/s | bus | MPI_Allreduce, us | ratio | memcpy, us "
        "|\n|---:|---:|---:|---:|---:|---:|---:|\n");
  }
  const auto first = static_cast<std::size_t>(1024 * options.smallest_kilobytes / sizeof(float));
  const auto last = static_cast<std::size_t>(1024 * 1024 * options.largest_megabytes / sizeof(float));
  for (std::size_t n = first; n <= last; n *= 4) {
    const std::size_t bytes = n * sizeof(float);
    std::vector<float> values(n), others(n);
    check(process, values);
    const double mean =
        seconds_of(process, bytes, options.samples, [&] { process.comm->all_reduce_mean(values, *process.backend); });
    const double peer = seconds_of(process, bytes, options.samples, [&] {
      MPI_Allreduce(MPI_IN_PLACE, others.data(), static_cast<int>(n), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    });
    const double copy =
        seconds_of(process, bytes, options.samples, [&] { std::memcpy(others.data(), values.data(), bytes); });
    const double bandwidth = static_cast<double>(bytes) / mean * 1e-9;
    const double bus = bandwidth * 2 * (processes - 1) / processes;
    if (!speaks) continue;
    fmt::print("| {} | {:.1f} | {:.2f} | {:.2f} | {:.1f} | {:.2f} | {:.1f} |\n", bytes, 1e6 * mean, bandwidth, bus,
               1e6 * peer, peer / mean, 1e6 * copy);
    rows.push_back({{"bytes", bytes}, {"mean_s", mean}, {"mpi_allreduce_s", peer}, {"memcpy_s", copy}});
  }
  if (speaks && !options.json.empty()) write_json(options.json, {{"processes", processes}, {"rows", rows}});
  return 0;
}

}  // namespace
}  // namespace drift::bench

int main(int argc, char** argv) {
  return drift::bench::run_program("bench_collectives", [&] { return drift::bench::main(argc, argv); });
}
