// Memory that is kept back for when there is none: to say so takes some, and a program that cannot say so is aborted.
#pragma once

#include <shared_mutex>

namespace drift {

// At the program's start. From then on the first `new` that fails in a thread throws std::bad_alloc, as ever; whatever
// that thread does next is to say so, so what it then cannot get otherwise it gets out of the reserve. Bit by bit:
// other threads, still at work, would take all that is free at once.
void keep_memory_reserve();

// For a thread that finds in another way that memory has run out.
void memory_has_run_out_here() noexcept;

// Held shared by who takes much memory at once: a block of a device, a thread with its stack and its allocator's arena.
// Held alone by who has seen that there is enough and would not survive it if there were not.
std::shared_mutex& taking_memory();

// All of it, where nobody is at work any more. Does nothing the second time.
void give_up_memory_reserve() noexcept;

}  // namespace drift
