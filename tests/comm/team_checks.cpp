#include "tests/comm/team_checks.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "comm/collective.h"
#include "core/rng.h"
#include "tests/comm/run_workers.h"
#include "tests/reference/sgd.h"
#include "tests/support/seed.h"

namespace drift::testing {
namespace {

// Shorter than a share, around the 16 floats that shares are rounded to, and several lines for every process.
constexpr std::size_t kLengths[] = {0, 1, 15, 16, 17, 64, 65, 1000, 1031, 40'009};

// Of a worker: its sums depend on the order of adding.
std::vector<float> awkward_values(int worker, std::size_t n) {
  const Rng rng(seed(), stream_id(Purpose::kTest, n, static_cast<std::uint64_t>(worker)));
  std::vector<float> values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = rng.normal(i);
  return values;
}

std::vector<float> mean_of(std::vector<std::vector<float>> replicas, std::int64_t divisor, DType wire) {
  return wire == DType::kFloat32 ? reference::tree_average(std::move(replicas), divisor)
                                 : reference::rounded_tree_average(std::move(replicas), divisor);
}

std::vector<float> expected_mean(const Team& team, std::size_t n, DType wire) {
  std::vector<std::vector<float>> sums;
  for (int process = 0; process < team.processes; ++process) {
    std::vector<std::vector<float>> group;
    for (int k = 0; k < team.local_workers(); ++k) {
      group.push_back(awkward_values(process * team.local_workers() + k, n));
    }
    sums.push_back(mean_of(std::move(group), /*divisor=*/1, wire));
  }
  return mean_of(std::move(sums), team.workers, wire);
}

std::vector<float> mean_in_one_process(const Team& team, std::size_t n, DType wire) {
  std::vector<std::vector<float>> replicas;
  for (int k = 0; k < team.workers; ++k) replicas.push_back(awkward_values(k, n));
  return mean_of(std::move(replicas), team.workers, wire);
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  const auto bits = [](float value) { return std::bit_cast<std::uint32_t>(value); };
  return std::ranges::equal(a, b, {}, bits, bits);
}

void run_team(const Team& team, const std::shared_ptr<Transport>& transport,
              const std::function<void(Communicator&, Backend&)>& run, Reduce reduce = Reduce::kTree) {
  auto communicators = make_communicators({team, transport}, reduce);
  expect_none(
      run_workers(communicators, [&](std::unique_ptr<Communicator>& comm, Backend& backend) { run(*comm, backend); }));
}

void check_means_of(const Team& team, const std::shared_ptr<Transport>& transport, std::size_t n, DType wire) {
  const std::vector<float> expected = expected_mean(team, n, wire);
  const std::string what = fmt::format("{} floats as {}", n, name_of(wire));
  if (team.has_bits_of_one_process()) {
    EXPECT_TRUE(same_bits(expected, mean_in_one_process(team, n, wire))) << what;
  }
  run_team(team, transport, [&](Communicator& comm, Backend& backend) {
    const std::string where =
        fmt::format("{}, worker {} of {}, {} processes", what, comm.worker(), team.workers, team.processes);
    std::vector<float> values = awkward_values(comm.worker(), n);
    comm.all_reduce_mean(values, backend, wire);
    EXPECT_TRUE(same_bits(values, expected)) << where;
    comm.prepare_means(backend);
    for (const std::size_t parts : {1, 3}) {
      values = awkward_values(comm.worker(), n);
      for (std::size_t part = 0; part < parts; ++part) {
        const std::size_t begin = n * part / parts, end = n * (part + 1) / parts;
        comm.start_mean(std::span(values).subspan(begin, end - begin), backend, wire);
      }
      comm.wait_for_means(backend);
      EXPECT_TRUE(same_bits(values, expected)) << where << ", in " << parts << " parts";
    }
  });
}

}  // namespace

void check_means(const Team& team, const std::shared_ptr<Transport>& transport) {
  for (const DType wire : {DType::kFloat32, DType::kBFloat16}) {
    for (const std::size_t n : kLengths) check_means_of(team, transport, n, wire);
  }
}

void check_broadcasts(const Team& team, const std::shared_ptr<Transport>& transport) {
  run_team(team, transport, [&](Communicator& comm, Backend& backend) {
    for (int root = 0; root < team.workers; ++root) {
      for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{33}, std::size_t{1000}}) {
        std::vector<float> values = awkward_values(comm.worker(), n);
        comm.broadcast(values, root, backend);
        EXPECT_TRUE(same_bits(values, awkward_values(root, n))) << "worker " << comm.worker() << ", root " << root;
        comm.barrier();
      }
    }
  });
}

void check_bytes(const Team& team, const std::shared_ptr<Transport>& transport) {
  constexpr std::int64_t kFloats = 16 * 3 * 4 * 5;  // shares of the same size in up to 5 processes
  using enum DType;
  for (const auto& [reduce, wire] :
       {std::pair{Reduce::kTree, kFloat32}, {Reduce::kTree, kBFloat16}, {Reduce::kFast, kFloat32}}) {
    const std::int64_t before = transport->bytes_sent();
    run_team(
        team, transport,
        [&, wire = wire](Communicator& comm, Backend& backend) {
          std::vector<float> values(kFloats, 1);
          comm.all_reduce_mean(values, backend, wire);
          EXPECT_EQ(comm.bytes_sent(), bytes_on_wire(Collective::kAllReduceMean, kFloats, team.workers, wire));
        },
        reduce);
    EXPECT_EQ(transport->bytes_sent() - before,
              bytes_on_wire(Collective::kAllReduceMean, kFloats, team.processes, wire));
  }
}

void check_fast_means(const Team& team, const std::shared_ptr<Transport>& transport) {
  // Sums of integers are exact in any order; so is K (i % 97) + 2 (0 + ... + K-1), and the mean i % 97 + K - 1.
  for (const std::size_t n : kLengths) {
    run_team(
        team, transport,
        [&](Communicator& comm, Backend& backend) {
          std::vector<float> values(n);
          for (std::size_t i = 0; i < n; ++i) values[i] = static_cast<float>(i % 97) + 2.0f * comm.worker();
          comm.all_reduce_mean(values, backend);
          for (std::size_t i = 0; i < n; ++i) {
            const auto mean = static_cast<float>(i % 97) + static_cast<float>(team.workers - 1);
            const float rounding = team.workers * 1e-7f * mean;  // of 1/K, unless K is a power of two
            ASSERT_NEAR(values[i], mean, std::has_single_bit(static_cast<unsigned>(team.workers)) ? 0 : rounding)
                << "element " << i << " of " << n << ", worker " << comm.worker();
          }
        },
        Reduce::kFast);
  }
}

}  // namespace drift::testing
