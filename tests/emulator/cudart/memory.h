// Device memory and the pinned host memory that devices may reach. At the addresses the program sees nothing can be
// read or written, so host code that follows a device pointer faults as it should; the content lies elsewhere.
// Addresses are never used again, so that a use after free is always seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace drift::emulator {

inline constexpr std::size_t kAllocationAlignment = 512;

enum class MemoryKind { kDevice, kVariable, kPinned, kRegistered };

// Who touched four bytes last: numbers of operations (RaceChecker), and the block in its low 28 bits with the bytes
// touched in its high 4. And which of the four hold something: what nobody has written must not be read.
struct ShadowWord {
  std::uint32_t writer : 28 = 0, filled : 4 = 0;
  std::uint32_t writer_block = 0;
  std::uint32_t reader = 0, reader_block = 0;
};

// Zeros at first, which the system makes where they are touched: most memory is given out in larger pieces than are
// used.
struct FreeShadow {
  void operator()(ShadowWord* words) const { std::free(words); }
};
using Shadow = std::unique_ptr<ShadowWord[], FreeShadow>;

struct Reader {
  std::uint32_t operation, block;
};

struct Allocation {
  std::uint64_t begin = 0, end = 0;
  MemoryKind kind = MemoryKind::kDevice;
  int device = -1;                  // of kDevice memory
  bool of_graph = false;            // a graph allocates it
  bool taken = false;               // of_graph: launched or about to be, and not freed
  bool absent = false;              // of_graph: its graph has not allocated it yet, or it is freed
  std::size_t filled = 0;           // so many bytes hold something, if only 0xCD: a workspace is asked for little
  std::uint64_t device_writes = 0;  // operations that wrote to host memory: the host did not change it alone
  Shadow shadow;                    // none without the race check
  std::unordered_map<std::uint64_t, std::vector<Reader>> more_readers;  // of words that several operations read at once

  bool on_host() const { return kind == MemoryKind::kPinned || kind == MemoryKind::kRegistered; }
  std::size_t bytes() const { return end - begin; }
};

class AddressSpace {
 public:
  AddressSpace(int devices, std::size_t bytes_per_device, bool shadowed);

  // Fresh memory full of 0xCD; 0 if the device has not that much left.
  std::uint64_t allocate(std::size_t bytes, std::size_t alignment, MemoryKind kind, int device);
  // Makes host memory known; false if part of it already is.
  bool add_host(void* begin, std::size_t bytes, MemoryKind kind);
  void release(Allocation& allocation, const std::string& by);
  void renew(Allocation& allocation);                        // of a graph: it is there, and fresh
  void free(Allocation& allocation, const std::string& by);  // the address of a graph's stays the graph's

  Allocation* find(std::uint64_t address);                     // nullptr: none lives there
  Allocation* find(std::uint64_t address, std::size_t bytes);  // that holds all of it
  // Where the emulator itself reads and writes these bytes.
  char* host(std::uint64_t address, std::size_t bytes);
  std::string describe(std::uint64_t address, std::size_t bytes);

  std::size_t used(int device) const { return used_.at(device); }
  std::size_t capacity() const { return bytes_per_device_; }
  std::size_t live(MemoryKind kind) const;

 private:
  bool is_device_address(std::uint64_t address) const;

  struct Freed {
    std::uint64_t begin;
    std::string by;
  };

  char* content_;
  std::uint64_t next_ = 0;  // offset of the first byte never given out
  std::size_t bytes_per_device_;
  bool shadowed_;
  std::vector<std::size_t> used_;
  std::map<std::uint64_t, std::unique_ptr<Allocation>> live_;  // by end
  std::map<std::uint64_t, Freed> freed_;                       // by end
  Allocation* last_found_ = nullptr;
};

// Messages name addresses this way.
std::string hexadecimal(std::uint64_t value);

}  // namespace drift::emulator
