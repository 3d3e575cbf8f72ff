// bench_collectives: the mean over the processes of an MPI job, a worker each, in the tree and by --reduce fast, beside
// MPI_Allreduce of the same floats, and beside copying them: within a process, and from another one, which is all that
// a mean could cost. Run it by `mpirun -n 2 bench_collectives`.
// Bandwidths are those of nccl-tests: algorithm bandwidth is the span's bytes by the time, bus bandwidth 2(P-1)/P of
// it, what each process has to send. The result is checked before anything is timed.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <fmt/core.h>
#include <memory>
#include <mpi.h>
#include <nlohmann/json.hpp>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>
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
  std::unique_ptr<Communicator> tree = std::move(make_communicators({team, transport}).front());
  std::unique_ptr<Communicator> fast = std::move(make_communicators({team, transport}, Reduce::kFast).front());
  std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  std::unique_ptr<Backend> backend = make_backend(*stream);
};

// Integers whose sums are exact in any order: worker k has i % 97 + 2k.
void check(Process& process, Communicator& comm, std::vector<float>& values) {
  const auto plain = [](std::size_t i) { return static_cast<float>(i % 97); };
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = plain(i) + 2.0f * static_cast<float>(process.team.process);
  comm.all_reduce_mean(values, *process.backend);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float expected = plain(i) + static_cast<float>(process.team.processes - 1);
    DRIFT_CHECK(kTolerance, values[i] == expected, "the mean of element {} of {} is {}, not {}", i, values.size(),
                values[i], expected);
  }
}

// Copies from the memory of the next process of this machine, as MPI does between processes: the kernel moves the
// bytes, from one address space to the other.
class Neighbour {
 public:
  Neighbour(const Process& process, const std::vector<float>& values) {
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    const Place mine{getpid(), reinterpret_cast<std::uintptr_t>(values.data())};
    std::vector<Place> all(static_cast<std::size_t>(process.team.processes));
    MPI_Allgather(&mine, sizeof mine, MPI_BYTE, all.data(), sizeof mine, MPI_BYTE, MPI_COMM_WORLD);
    place_ = all[static_cast<std::size_t>((process.team.process + 1) % process.team.processes)];
  }

  void read(std::vector<float>& into) const {
    constexpr std::size_t kPiece = 1 << 20;
    const std::size_t bytes = into.size() * sizeof(float);
    auto* const target = reinterpret_cast<char*>(into.data());
    for (std::size_t at = 0; at < bytes; at += kPiece) {
      const iovec local{target + at, std::min(kPiece, bytes - at)};
      const iovec remote{reinterpret_cast<void*>(place_.address + at), local.iov_len};
      const ssize_t count = process_vm_readv(static_cast<pid_t>(place_.process), &local, 1, &remote, 1, 0);
      DRIFT_CHECK(kComm, count == static_cast<ssize_t>(local.iov_len), "process_vm_readv: {}", std::strerror(errno));
    }
  }

 private:
  struct Place {
    std::int64_t process = 0;
    std::uintptr_t address = 0;
  };
  Place place_;
};

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
        "| bytes | mean, us | GB/s | bus | --reduce fast, us | MPI_Allreduce, us | ratio | copy, us | from another, us "
        "|\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
  }
  const auto first = static_cast<std::size_t>(1024 * options.smallest_kilobytes / sizeof(float));
  const auto last = static_cast<std::size_t>(1024 * 1024 * options.largest_megabytes / sizeof(float));
  for (std::size_t n = first; n <= last; n *= 4) {
    const std::size_t bytes = n * sizeof(float);
    std::vector<float> values(n), others(n);
    const auto seconds_of_mean = [&](Communicator& comm) {
      check(process, comm, values);
      return seconds_of(process, bytes, options.samples, [&] { comm.all_reduce_mean(values, *process.backend); });
    };
    const double mean = seconds_of_mean(*process.tree);
    const double fast = seconds_of_mean(*process.fast);
    const double peer = seconds_of(process, bytes, options.samples, [&] {
      MPI_Allreduce(MPI_IN_PLACE, others.data(), static_cast<int>(n), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    });
    const double copy =
        seconds_of(process, bytes, options.samples, [&] { std::memcpy(others.data(), values.data(), bytes); });
    const Neighbour next(process, values);
    const double copy_from = seconds_of(process, bytes, options.samples, [&] { next.read(others); });
    process.transport->barrier();  // it still reads here
    const double bandwidth = static_cast<double>(bytes) / mean * 1e-9;
    const double bus = bandwidth * 2 * (processes - 1) / processes;
    if (!speaks) continue;
    fmt::print("| {} | {:.1f} | {:.2f} | {:.2f} | {:.1f} | {:.1f} | {:.2f} | {:.1f} | {:.1f} |\n", bytes, 1e6 * mean,
               bandwidth, bus, 1e6 * fast, 1e6 * peer, peer / mean, 1e6 * copy, 1e6 * copy_from);
    rows.push_back({{"bytes", bytes},
                    {"mean_s", mean},
                    {"fast_s", fast},
                    {"mpi_allreduce_s", peer},
                    {"memcpy_s", copy},
                    {"copy_from_s", copy_from}});
  }
  if (speaks && !options.json.empty()) write_json(options.json, {{"processes", processes}, {"rows", rows}});
  return 0;
}

}  // namespace
}  // namespace drift::bench

int main(int argc, char** argv) {
  return drift::bench::run_program("bench_collectives", [&] { return drift::bench::main(argc, argv); });
}
