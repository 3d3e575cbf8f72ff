// An NVTX injection library: NVTX, which is header-only, loads it where NVTX_INJECTION64_PATH says so and hands it the
// table of its functions. Records which ranges each thread opens and closes, and writes them to the file EMU_NVTX when
// the process ends. Stands alone: it needs no other part of the emulator.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <mutex>
#include <nvtx3/nvToolsExt.h>
#include <string>
#include <utility>
#include <vector>

namespace {

// One line per range, in the order in which they began, indented by how many of them are around it.
class ThreadRanges {
 public:
  int push(const char* name) {
    open_.push_back(lines_.size());
    lines_.emplace_back(2 * open_.size(), ' ').append(name);
    return static_cast<int>(open_.size()) - 1;  // what NVTX returns: the depth, from 0 on
  }

  int pop() {
    if (open_.empty()) {
      lines_.emplace_back("  popped without a push");
      return -1;
    }
    open_.pop_back();
    return static_cast<int>(open_.size());
  }

  void write(std::ostream& out) {
    for (const std::size_t line : std::exchange(open_, {})) lines_[line] += " (never popped)";
    for (const std::string& line : lines_) out << line << "\n";
  }

 private:
  std::vector<std::string> lines_;
  std::vector<std::size_t> open_;  // of lines_
};

class Recorder {
 public:
  int push(const char* name) {
    const std::lock_guard lock(mutex_);
    return mine().push(name);
  }

  int pop() {
    const std::lock_guard lock(mutex_);
    return mine().pop();
  }

  void write(const char* path) {
    const std::lock_guard lock(mutex_);
    std::ofstream file(path);
    for (std::size_t i = 0; i < threads_.size(); ++i) {
      file << "thread " << i << "\n";
      threads_[i]->write(file);
    }
    if (!file.flush()) std::fprintf(stderr, "[emulator] ERROR: EMU_NVTX: %s cannot be written\n", path);
  }

 private:
  // Threads are numbered as they push their first range.
  ThreadRanges& mine() {
    thread_local ThreadRanges* ranges = nullptr;
    if (ranges == nullptr) ranges = threads_.emplace_back(std::make_unique<ThreadRanges>()).get();
    return *ranges;
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<ThreadRanges>> threads_;
};

Recorder& recorder() {
  static Recorder& instance = *new Recorder();  // outlives the program's static objects
  return instance;
}

int push(const char* name) {
  return recorder().push(name);
}

int pop() {
  return recorder().pop();
}

void write() {
  recorder().write(std::getenv("EMU_NVTX"));
}

}  // namespace

// NVTX takes 0 for "there is no tool" and then makes all its functions do nothing.
extern "C" __attribute__((visibility("default"))) int InitializeInjectionNvtx2(NvtxGetExportTableFunc_t get_table) {
  const auto* const callbacks = static_cast<const NvtxExportTableCallbacks*>(get_table(NVTX_ETID_CALLBACKS));
  NvtxFunctionTable table = nullptr;
  unsigned size = 0;
  if (std::getenv("EMU_NVTX") == nullptr || callbacks == nullptr ||
      callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE, &table, &size) == 0 || size <= NVTX_CBID_CORE_RangePop) {
    return 0;
  }
  *table[NVTX_CBID_CORE_RangePushA] = reinterpret_cast<NvtxFunctionPointer>(push);
  *table[NVTX_CBID_CORE_RangePop] = reinterpret_cast<NvtxFunctionPointer>(pop);
  static const int registered = std::atexit(write);
  return registered == 0;
}
