// Memory that is kept back for when there is none: to say so takes some, and a program that cannot say so is aborted.
#pragma once

namespace drift {

// At the program's start. From then on the first `new` that fails, in any thread, gives the reserve up, and throws
// std::bad_alloc as ever.
void keep_memory_reserve();

// For who finds in another way that memory has run out. Does nothing the second time.
void give_up_memory_reserve() noexcept;

}  // namespace drift
