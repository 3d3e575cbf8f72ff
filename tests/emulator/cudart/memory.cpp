#include "tests/emulator/cudart/memory.h"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>
#include <utility>

#include "tests/emulator/cudart/report.h"

namespace drift::emulator {
namespace {

constexpr std::uint64_t kBase = 0x6000'0000'0000;  // where the program sees device memory
constexpr std::uint64_t kReserved = std::uint64_t{1} << 40;
constexpr std::uint64_t kRedZone = 512;  // bytes between allocations: an overrun hits no neighbour
constexpr std::uint64_t kPage = 4096;

std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

Shadow make_shadow(std::size_t bytes) {
  auto* const words = static_cast<ShadowWord*>(std::calloc(bytes / 4 + 2, sizeof(ShadowWord)));
  if (words == nullptr) stop("no memory for what the race check remembers");
  return Shadow(words);
}

}  // namespace

std::string hexadecimal(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "%#llx", static_cast<unsigned long long>(value));
  return text;
}

AddressSpace::AddressSpace(int devices, std::size_t bytes_per_device, bool shadowed)
    : bytes_per_device_(bytes_per_device), shadowed_(shadowed), used_(std::max(devices, 1)) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* const seen = reinterpret_cast<void*>(kBase);
  if (mmap(seen, kReserved, PROT_NONE, kFlags | MAP_FIXED_NOREPLACE, -1, 0) != seen) {
    stop("no room for device memory in the address space");
  }
  void* const content = mmap(nullptr, kReserved, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (content == MAP_FAILED) stop("no room for the content of device memory in the address space");
  madvise(content, kReserved, MADV_HUGEPAGE);  // else the system is busier to give pages than we are to fill them
  content_ = static_cast<char*>(content);
}

bool AddressSpace::is_device_address(std::uint64_t address) const {
  return address >= kBase && address < kBase + kReserved;
}

std::uint64_t AddressSpace::allocate(std::size_t bytes, std::size_t alignment, MemoryKind kind, int device) {
  const bool counted = kind == MemoryKind::kDevice;
  if (counted && bytes > bytes_per_device_ - used_.at(device)) return 0;
  const std::uint64_t offset = round_up(next_, alignment);
  if (bytes > kReserved - offset - kRedZone)
    stop("the emulated address space is used up: a process that allocates 1 TiB");
  next_ = offset + bytes + kRedZone;
  if (counted) used_.at(device) += bytes;
  auto allocation = std::make_unique<Allocation>();
  allocation->begin = kBase + offset;
  allocation->end = allocation->begin + std::max<std::size_t>(bytes, 1);
  allocation->kind = kind;
  allocation->device = device;
  if (shadowed_) allocation->shadow = make_shadow(bytes);
  const std::uint64_t begin = allocation->begin;
  live_[allocation->end] = std::move(allocation);
  return begin;
}

bool AddressSpace::add_host(void* begin, std::size_t bytes, MemoryKind kind) {
  const auto address = reinterpret_cast<std::uint64_t>(begin);
  const auto next = live_.upper_bound(address);
  if (next != live_.end() && next->second->begin < address + bytes) return false;
  auto allocation = std::make_unique<Allocation>();
  allocation->begin = address;
  allocation->end = address + std::max<std::size_t>(bytes, 1);
  allocation->kind = kind;
  if (shadowed_) allocation->shadow = make_shadow(bytes);
  freed_.erase(freed_.upper_bound(address), freed_.lower_bound(allocation->end + 1));  // the host reuses its addresses
  live_[allocation->end] = std::move(allocation);
  return true;
}

void AddressSpace::release(Allocation& allocation, const std::string& by) {
  if (allocation.kind == MemoryKind::kDevice) {
    used_.at(allocation.device) -= std::min(allocation.bytes(), used_.at(allocation.device));
    const std::uint64_t first = round_up(allocation.begin - kBase, kPage);
    const std::uint64_t last = (allocation.end - kBase) / kPage * kPage;
    if (first < last) madvise(content_ + first, last - first, MADV_DONTNEED);
  }
  freed_[allocation.end] = Freed{allocation.begin, by};
  last_found_ = nullptr;
  live_.erase(allocation.end);
}

void AddressSpace::free(Allocation& allocation, const std::string& by) {
  if (allocation.of_graph) {
    allocation.absent = true;
  } else {
    release(allocation, by);
  }
}

void AddressSpace::renew(Allocation& allocation) {
  allocation.absent = false;
  allocation.filled = 0;
}

Allocation* AddressSpace::find(std::uint64_t address) {
  if (last_found_ != nullptr && address >= last_found_->begin && address < last_found_->end) return last_found_;
  const auto found = live_.upper_bound(address);
  if (found == live_.end() || address < found->second->begin) return nullptr;
  return last_found_ = found->second.get();
}

Allocation* AddressSpace::find(std::uint64_t address, std::size_t bytes) {
  Allocation* const allocation = find(address);
  return allocation != nullptr && bytes <= allocation->end - address ? allocation : nullptr;
}

char* AddressSpace::host(std::uint64_t address, std::size_t bytes) {
  if (!is_device_address(address)) return reinterpret_cast<char*>(address);
  Allocation* const allocation = find(address);
  const std::size_t wanted = allocation != nullptr ? address + bytes - allocation->begin : 0;
  if (allocation != nullptr && wanted > allocation->filled) {
    std::memset(content_ + (allocation->begin - kBase) + allocation->filled, 0xCD, wanted - allocation->filled);
    allocation->filled = wanted;
  }
  return content_ + (address - kBase);
}

std::string AddressSpace::describe(std::uint64_t address, std::size_t bytes) {
  const std::string what = std::to_string(bytes) + " bytes at " + hexadecimal(address);
  if (const Allocation* allocation = find(address)) {
    const std::string place = " lie " + std::to_string(address - allocation->begin) + " bytes into an allocation of " +
                              std::to_string(allocation->bytes()) + " bytes";
    if (allocation->absent) return what + place + " that its graph has not allocated yet, or that was freed";
    return what + place + (allocation->device >= 0 ? " of device " + std::to_string(allocation->device) : "");
  }
  const auto freed = freed_.upper_bound(address);
  if (freed != freed_.end() && address >= freed->second.begin) return what + " were freed by " + freed->second.by;
  if (is_device_address(address)) return what + " lie in no allocation";
  return what + " are host memory that no device may touch";
}

std::size_t AddressSpace::live(MemoryKind kind) const {
  return std::count_if(live_.begin(), live_.end(), [kind](const auto& entry) {
    const Allocation& allocation = *entry.second;
    return allocation.kind == kind && (!allocation.of_graph || allocation.taken);
  });
}

}  // namespace drift::emulator
