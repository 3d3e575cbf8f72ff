#include "tests/emulator/ptx/load_store.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "tests/emulator/ptx/decode.h"
#include "tests/emulator/ptx/memory.h"

namespace drift::emulator::ptx {
namespace {

// First a pointer for every lane, then one loop that moves the elements.
struct Pointers {
  alignas(64) char* lane[kLanes];
};

// Tells the owner of global memory of all lanes; false if that is a mistake of one of them. Lanes that lie side by side
// are one access to it.
bool report(const Warp& warp, const Instruction& i, u32 mask, u32 bytes, MemoryAccess access) {
  const Block& block = *warp.block;
  const u64* address = warp.lanes<u64>(i.a);
  u64 begin = address[first_lane(mask)] + static_cast<u64>(i.immediate), end = begin + bytes;
  try {
    each_lane(mask, [&](int lane) {
      const u64 at = address[lane] + static_cast<u64>(i.immediate);
      if (at >= begin && at <= end) {
        end = std::max(end, at + bytes);
        return;
      }
      block.memory->touch(begin, end - begin, access, block.linear_index);
      begin = at;
      end = at + bytes;
    });
    block.memory->touch(begin, end - begin, access, block.linear_index);
  } catch (const Error&) {
    return false;
  }
  return true;
}

// The common case, checked with vector arithmetic: all lanes aligned and within one allocation, most often that met
// last. A mistake is found again lane by lane, which names the lane: to report an access twice changes nothing.
bool find_in_one_region(Warp& warp, const Instruction& i, u32 mask, u32 bytes, MemoryAccess access,
                        Pointers& pointers) {
  if (i.space > Space::kGlobal || i.address_bytes != 8) return false;
  const u64* address = warp.lanes<u64>(i.a);
  Region& region = warp.regions[i.slot];
  const u64 first = address[first_lane(mask)] + static_cast<u64>(i.immediate);
  if (first < region.begin || first >= region.end) {
    const Region found = warp.block->memory->find(first, bytes);
    if (found.host == nullptr) return false;
    region = found;
  }
  if (region.end - region.begin < bytes) return false;
  const u64 offset = static_cast<u64>(i.immediate) - region.begin, limit = region.end - region.begin - bytes;
  const u64 low_bits = bytes - 1;
  u64 wrong = 0;
  for (int lane = 0; lane < kLanes; ++lane) {
    const u64 at = address[lane] + offset;
    const u64 bad = static_cast<u64>(at > limit) | ((at + region.begin) & low_bits);
    wrong |= (mask >> lane & 1) != 0 ? bad : 0;
    pointers.lane[lane] = region.host + at;
  }
  if (wrong != 0) return false;
  if (warp.block->options->report_global && !report(warp, i, mask, bytes, access)) return false;
  warp.block->statistics->global_bytes += static_cast<u64>(std::popcount(mask)) * bytes;
  return true;
}

// The same for shared memory: bounds and alignment of all lanes at once; races lane by lane.
bool find_in_shared(Warp& warp, const Instruction& i, u32 mask, u32 bytes, MemoryAccess access, Pointers& pointers) {
  Block& block = *warp.block;
  if (i.space != Space::kShared || i.address_bytes != 4 || block.shared.size() < bytes) return false;
  const u32* address = warp.lanes<u32>(i.a);
  const u32 base = static_cast<u32>(i.immediate), limit = static_cast<u32>(block.shared.size()) - bytes;
  u32 offsets[kLanes];
  u32 wrong = 0;
  for (int lane = 0; lane < kLanes; ++lane) {
    offsets[lane] = address[lane] + base;
    const u32 bad = static_cast<u32>(offsets[lane] > limit) | (offsets[lane] & (bytes - 1));
    wrong |= (mask >> lane & 1) != 0 ? bad : 0;
    pointers.lane[lane] = block.shared.data() + offsets[lane];
  }
  if (wrong != 0) return false;
  if (!block.options->shared_races) return true;
  each_lane(mask, [&](int lane) { check_shared_race(warp, i, lane, offsets[lane], bytes, access); });
  return true;
}

void find_pointers(Warp& warp, const Instruction& i, u32 mask, MemoryAccess access, Pointers& pointers) {
  const u32 bytes = static_cast<u32>(i.element_bytes) * i.vector;
  if (i.space == Space::kParameter && i.a == kNone) {  // one place for all lanes
    const u64 address = static_cast<u64>(i.immediate);
    char* const place = resolve(warp, i, first_lane(mask), i.space, address, bytes, access);
    std::fill_n(pointers.lane, kLanes, place);
    return;
  }
  if (find_in_one_region(warp, i, mask, bytes, access, pointers)) return;
  if (find_in_shared(warp, i, mask, bytes, access, pointers)) return;
  each_lane(mask, [&](int lane) {
    pointers.lane[lane] = resolve(warp, i, lane, i.space, address_of(warp, i, lane), bytes, access);
  });
}

bool contiguous(const Pointers& pointers, std::size_t bytes) {
  bool result = true;
  for (int lane = 1; lane < kLanes; ++lane) {
    result &= pointers.lane[lane] == pointers.lane[0] + static_cast<std::size_t>(lane) * bytes;
  }
  return result;
}

// Elements as wide as their registers.
template <typename T>
void load_elements(const Warp& warp, const Instruction& i, u32 mask, const Pointers& pointers) {
  if (mask == kAllLanes && i.vector == 1 && contiguous(pointers, sizeof(T))) {
    std::memcpy(warp.lanes<T>(i.values[0]), pointers.lane[0], kLanes * sizeof(T));
    return;
  }
  for (int k = 0; k < i.vector; ++k) {
    if (i.values[k] == kNone) continue;
    T* d = warp.lanes<T>(i.values[k]);
    each_lane(mask, [&](int lane) { std::memcpy(&d[lane], pointers.lane[lane] + k * sizeof(T), sizeof(T)); });
  }
}

template <typename T>
void store_elements(const Warp& warp, const Instruction& i, u32 mask, const Pointers& pointers) {
  if (mask == kAllLanes && i.vector == 1 && contiguous(pointers, sizeof(T))) {
    std::memcpy(pointers.lane[0], warp.lanes<T>(i.values[0]), kLanes * sizeof(T));
    return;
  }
  each_lane(mask, [&](int lane) {
    for (int k = 0; k < i.vector; ++k) {
      std::memcpy(pointers.lane[lane] + k * sizeof(T), &warp.lanes<T>(i.values[k])[lane], sizeof(T));
    }
  });
}

// Elements narrower than their registers: extended by sign or by zeros.
void load_extended(const Warp& warp, const Instruction& i, u32 mask, const Pointers& pointers) {
  const int unused_bits = 64 - 8 * i.element_bytes;
  each_lane(mask, [&](int lane) {
    for (int k = 0; k < i.vector; ++k) {
      if (i.values[k] == kNone) continue;
      u64 value = 0;
      std::memcpy(&value, pointers.lane[lane] + k * i.element_bytes, i.element_bytes);
      if (i.is_signed) value = static_cast<u64>(static_cast<i64>(value << unused_bits) >> unused_bits);
      std::memcpy(warp.registers + i.values[k] + lane * i.register_bytes, &value, i.register_bytes);
    }
  });
}

void store_cut(const Warp& warp, const Instruction& i, u32 mask, const Pointers& pointers) {
  each_lane(mask, [&](int lane) {
    for (int k = 0; k < i.vector; ++k) {
      std::memcpy(pointers.lane[lane] + k * i.element_bytes, warp.registers + i.values[k] + lane * i.register_bytes,
                  i.element_bytes);
    }
  });
}

void load(Warp& warp, const Instruction& i, u32 mask) {
  Pointers pointers;
  find_pointers(warp, i, mask, MemoryAccess::kRead, pointers);
  if (i.element_bytes != i.register_bytes) return load_extended(warp, i, mask, pointers);
  switch (i.element_bytes) {
    case 2:
      return load_elements<u16>(warp, i, mask, pointers);
    case 4:
      return load_elements<u32>(warp, i, mask, pointers);
    case 8:
      return load_elements<u64>(warp, i, mask, pointers);
    default:
      return load_elements<u8>(warp, i, mask, pointers);
  }
}

void store(Warp& warp, const Instruction& i, u32 mask) {
  Pointers pointers;
  warp.storing = mask;
  find_pointers(warp, i, mask, MemoryAccess::kWrite, pointers);
  warp.storing = 0;
  if (i.element_bytes != i.register_bytes) return store_cut(warp, i, mask, pointers);
  switch (i.element_bytes) {
    case 2:
      return store_elements<u16>(warp, i, mask, pointers);
    case 4:
      return store_elements<u32>(warp, i, mask, pointers);
    case 8:
      return store_elements<u64>(warp, i, mask, pointers);
    default:
      return store_elements<u8>(warp, i, mask, pointers);
  }
}

// ld.global.nc.v4.f32 {%f1, %f2, %f3, _}, [%rd1+16];   st.shared.u32 [%r1], 0;
void decode(Assembler& assembler, const Statement& statement, Instruction instruction) {
  const bool loads = statement.name() != "st";
  if (statement.has("async")) statement.fail("unsupported instruction");
  expect_operands(statement, 2);
  const Type type = statement.type();
  const u32 element_bytes = bytes_of(type);
  if (element_bytes == 0) statement.fail("unsupported instruction");
  instruction.space = parse_space(statement);
  instruction.vector = statement.has("v8") ? 8 : statement.has("v4") ? 4 : statement.has("v2") ? 2 : 1;
  instruction.element_bytes = static_cast<u8>(element_bytes);
  instruction.is_signed = is_signed(type);
  for (const char* word : {"volatile", "relaxed", "acquire", "release", "mmio"}) {
    instruction.strong |= statement.has(word);
  }
  const std::string& list = statement.operands[loads ? 0 : 1];
  const std::vector<std::string> values =
      list.front() == '{' ? split(without_brackets(list), ',') : std::vector<std::string>{list};
  if (values.size() != instruction.vector) statement.fail("unsupported instruction");
  u32 register_bytes = 0;
  for (const std::string& value : values) register_bytes = std::max(register_bytes, assembler.register_bytes(value));
  if (register_bytes == 0) register_bytes = element_bytes;
  instruction.register_bytes = static_cast<u8>(register_bytes);
  for (std::size_t k = 0; k < values.size(); ++k) {
    instruction.values[k] =
        loads ? assembler.write(values[k], register_bytes) : assembler.read(values[k], register_bytes);
  }
  assembler.address(instruction, statement.operands[loads ? 1 : 0]);
  instruction.slot = assembler.next_slot();
  instruction.run = loads ? load : store;
  assembler.emit(instruction);
}

}  // namespace

int emit_load_parameter(Assembler& assembler, const Instruction& guard, const std::string& name, u32 bytes) {
  Instruction instruction = guard;
  instruction.vector = 1;
  instruction.element_bytes = instruction.register_bytes = static_cast<u8>(bytes);
  instruction.values[0] = assembler.new_register(bytes);
  assembler.address(instruction, "[" + name + "]");
  instruction.run = load;
  assembler.emit(instruction);
  return instruction.values[0];
}

void emit_store_parameter(Assembler& assembler, const Instruction& guard, const std::string& name, int offset) {
  Instruction instruction = guard;
  instruction.vector = 1;
  instruction.element_bytes = instruction.register_bytes = 4;
  instruction.values[0] = offset;
  assembler.address(instruction, "[" + name + "]");
  instruction.run = store;
  assembler.emit(instruction);
}

void add_memory(DecoderTable& table) {
  table["ld"] = table["ldu"] = table["st"] = decode;
}

}  // namespace drift::emulator::ptx
