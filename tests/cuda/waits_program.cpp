// Small programs in which every wait matters, for waits_test.cpp: what they print depends on no order of streams, and
// is another thing, or a race, when one wait is left out.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <functional>
#include <string_view>
#include <thread>

#include "comm/averaging.h"
#include "kernels/cuda/staging.h"
#include "tests/train/toy_run.h"
#include "train/checkpoint/weight_file.h"
#include "train/step/image_uploads.h"
#include "train/step/joint_segment.h"
#include "train/step/worker.h"

namespace drift {
namespace {

constexpr Device kGpu{DeviceType::kCuda, 0};

// FNV-1a.
std::uint64_t fingerprint(const void* data, std::size_t bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (std::size_t i = 0; i < bytes; ++i) hash = (hash ^ static_cast<const unsigned char*>(data)[i]) * 0x100000001b3;
  return hash;
}

constexpr int kWorkers = 3;
constexpr std::size_t kElements = 100;

struct ValueWorker {
  std::unique_ptr<Stream> stream = make_stream(kGpu, 1);
  std::unique_ptr<Backend> backend = make_backend(*stream, {});
  Storage memory{kGpu, kElements * sizeof(float)};
  TensorView view{memory.data(), {kElements}};
  std::span<float> values{view.as<float>(), kElements};
  MemoryPool pool{kGpu};

  void twice() { backend->add(view, view, view); }
};

// Three workers, a thread each; then prints their values. A wait that is left out may be an error of a capture.
void run_workers(std::array<ValueWorker, kWorkers>& workers,
                 const std::function<void(int, ValueWorker&, Communicator&)>& work) {
  auto communicators = make_communicators(Membership::alone(kWorkers));
  std::array<std::exception_ptr, kWorkers> errors;
  {
    std::vector<std::jthread> threads;
    for (std::size_t k = 0; k < kWorkers; ++k) {
      threads.emplace_back([&, k] {
        try {
          work(static_cast<int>(k), workers[k], *communicators[k]);
          communicators[k]->barrier();  // nobody leaves while another still works
        } catch (const Error& error) {
          communicators[k]->abort(error.message());
          errors[k] = std::current_exception();
        }
      });
    }
  }
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
  for (ValueWorker& worker : workers) {
    std::vector<float> values(kElements);
    worker.backend->download(worker.view, values.data());
    fmt::print("{}\n", fmt::join(values, " "));
  }
}

// They change their values before and after each collective.
void averages() {
  std::array<ValueWorker, kWorkers> workers;
  run_workers(workers, [](int k, ValueWorker& worker, Communicator& comm) {
    for (int round = 0; round < 2; ++round) {
      worker.backend->fill(worker.view, static_cast<float>(k + round));
      comm.all_reduce_mean(worker.values, *worker.backend);
      worker.twice();
      comm.broadcast(worker.values, (1 + round) % kWorkers, *worker.backend);
      worker.twice();
    }
  });
}

// Their values meet inside one captured piece, which runs as it is, is captured and is replayed.
void joint() {
  constexpr int kRuns = 4;
  std::array<ValueWorker, kWorkers> workers;
  JointSegment segment({workers[0].stream.get(), workers[1].stream.get(), workers[2].stream.get()});
  run_workers(workers, [&](int k, ValueWorker& worker, Communicator& comm) {
    for (int run = 0; run < kRuns; ++run) {
      worker.backend->fill(worker.view, static_cast<float>(k * k + run));
      const auto work = [&] {
        worker.twice();
        comm.all_reduce_mean(worker.values, *worker.backend);
        worker.twice();
      };
      const bool called = segment.run(k, worker.pool, nullptr, work, [&] { comm.meet(); });
      if (called != (run < 2)) fmt::print("run {} of worker {}: called {}\n", run, k, called);
      worker.twice();
    }
  });
}

// The same with means that begin while the worker goes on: of two parts of its values, with work of its own on the
// other part meanwhile.
void overlap() {
  constexpr int kRuns = 3;
  constexpr std::int64_t kHalf = kElements / 2;
  std::array<ValueWorker, kWorkers> workers;
  JointSegment segment({workers[0].stream.get(), workers[1].stream.get(), workers[2].stream.get()});
  run_workers(workers, [&](int k, ValueWorker& worker, Communicator& comm) {
    comm.prepare_means(*worker.backend);
    const TensorView first{worker.memory.data(), {kHalf}}, second{worker.view.as<float>() + kHalf, {kHalf}};
    for (int run = 0; run < kRuns; ++run) {
      worker.backend->fill(worker.view, static_cast<float>(k * k + run));
      const auto work = [&] {
        worker.backend->add(second, second, second);
        comm.start_mean(worker.values.subspan(kHalf), *worker.backend);
        worker.backend->add(first, first, first);
        comm.start_mean(worker.values.first(kHalf), *worker.backend);
        comm.wait_for_means(*worker.backend);
        worker.twice();
      };
      segment.run(k, worker.pool, nullptr, work, [&] { comm.meet(); });
      worker.twice();
    }
  });
}

// More than the ring holds, up and down again.
void staging() {
  constexpr std::size_t kBytes = (StagingRing::kSlots + 2) * StagingRing::kSlotBytes;
  const auto stream = make_stream(kGpu, 1);
  StagingRing ring(*stream);
  const Storage memory(kGpu, kBytes);
  std::vector<std::byte> bytes(kBytes);
  for (std::size_t i = 0; i < kBytes; ++i) bytes[i] = static_cast<std::byte>(1 + i / StagingRing::kSlotBytes);
  ring.upload(bytes.data(), memory.data(), kBytes);
  std::fill(bytes.begin(), bytes.end(), std::byte{});
  ring.download(memory.data(), bytes.data(), kBytes);
  fmt::print("{:x}\n", fingerprint(bytes.data(), kBytes));
}

// Batches that arrive while others are read, from memory that changes at once.
void uploads() {
  constexpr std::size_t kBytes = 4096;
  const auto stream = make_stream(kGpu, 1);
  const auto backend = make_backend(*stream, {});
  const Storage images(kGpu, kBytes), sums(kGpu, 5 * kBytes);
  const TensorView view{.data = images.data(), .shape = {kBytes}, .dtype = DType::kUint8};
  ImageUploads uploads(kGpu, kBytes);
  std::vector<std::uint8_t> batch(kBytes), seen(5 * kBytes);
  for (std::size_t turn = 0; turn < 5; ++turn) {
    for (std::uint8_t& byte : batch) byte = static_cast<std::uint8_t>(1 + turn);
    uploads.upload(batch, view, *backend);
    backend->copy(view, {static_cast<std::byte*>(sums.data()) + turn * kBytes, {kBytes}, DType::kUint8});
  }
  backend->download({sums.data(), {5 * kBytes}, DType::kUint8}, seen.data());
  fmt::print("{:x}\n", fingerprint(seen.data(), seen.size()));
}

// Two streams normalise at the same time by cuDNN, as backends that know of so many.
void batch_norms(int backends) {
  constexpr std::int64_t kChannels = 16;
  const Shape shape{2, 4, 4, kChannels};
  struct Side {
    std::unique_ptr<Stream> stream = make_stream(kGpu, 1);
    std::unique_ptr<Backend> backend;
    Storage memory{kGpu, 6 * 512 * sizeof(float)};
    TensorView part(int i, const Shape& of) const { return {static_cast<float*>(memory.data()) + i * 512, of}; }
  };
  std::array<Side, 2> sides;
  for (Side& side : sides) {
    side.backend = make_backend(*side.stream, {.batch_norm = BatchNormKernels::kCudnn, .backends_on_device = backends});
    for (int i = 0; i < 6; ++i) side.backend->fill(side.part(i, {512}), 1);
  }
  for (Side& side : sides) {
    BatchNormForward op;
    op.x = side.part(0, shape);
    op.y = side.part(1, shape);
    TensorView* channels[] = {&op.gamma, &op.beta, &op.mean, &op.inv_std};
    for (int i = 0; i < 4; ++i) *channels[i] = side.part(2 + i, {kChannels});
    side.backend->batch_norm_forward(op);
  }
}

void print_state(Trainer& trainer) {
  fmt::print("test loss {}\n", trainer.evaluate().loss);
  for (const ReplicaState& worker : trainer.checkpoint().workers) {
    for (const auto* part : {&worker.values, &worker.momentum}) {
      fmt::print("{:x}\n", fingerprint(part->data(), part->size() * sizeof(float)));
    }
  }
}

TrainConfig toy(int workers, Step steps) {
  TrainConfig config = testing::synchronous(testing::toy_config(workers, 1, steps));
  config.model.norm = "group";
  config.machine.device = "cuda:0";
  return config;
}

// A whole run of one worker, longer than results may stay untaken; its last step still updates when the result is home.
void steps() {
  const DataSource data = testing::toy_data(8, 4);
  Trainer trainer(toy(1, DownloadRing::kCapacity + 2), data);
  testing::StepLog log;
  testing::run_to(trainer, trainer.schedule().total_steps, log);
  for (const double loss : testing::losses(log.steps)) fmt::print("{}\n", loss);
  print_state(trainer);
}

// Replicas that other streams read: initial ones, restored ones, weights from a file.
void replicas(const std::filesystem::path& file) {
  const DataSource data = testing::toy_data(8, 4);
  Trainer trainer(toy(2, 1), data);
  fmt::print("test loss {}\n", trainer.evaluate().loss);
  trainer.restore(trainer.checkpoint());
  print_state(trainer);
  write_weights(file, trainer.model(0), trainer.backend());
  trainer.load_weights(file);
  fmt::print("test loss {}\n", trainer.evaluate().loss);
}

}  // namespace
}  // namespace drift

int main(int argc, char** argv) {
  const std::string_view program = argc > 1 ? argv[1] : "";
  try {
    if (program == "averages") drift::averages();
    if (program == "joint") drift::joint();
    if (program == "overlap") drift::overlap();
    if (program == "batch_norms" && argc > 2) drift::batch_norms(std::atoi(argv[2]));
    if (program == "staging") drift::staging();
    if (program == "uploads") drift::uploads();
    if (program == "steps") drift::steps();
    if (program == "replicas" && argc > 2) drift::replicas(argv[2]);
  } catch (const drift::Error& error) {
    fmt::print(stderr, "{}\n", error.message());
    return 1;
  }
  return 0;
}
