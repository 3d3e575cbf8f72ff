// ask_for_short_slices(): for a thread that does little and must do it soon, beside threads that compute. Linux (6.12
// or newer) lets a thread that asks for short slices of time go first when it wakes; elsewhere a call does nothing.
#pragma once

namespace drift {

// For the thread that calls. It needs no privileges, and takes nothing from anyone in the long run.
void ask_for_short_slices() noexcept;

}  // namespace drift
