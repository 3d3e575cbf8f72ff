// A background thread does little and must do it soon, beside threads that compute on the same cores.
#pragma once

namespace drift {

// Makes the thread that calls one. Linux (6.12 or newer) lets a thread that asks for short slices of time go first when
// it wakes; it needs no privileges, and takes nothing from anyone in the long run. Elsewhere the thread is what it was.
void become_background_thread() noexcept;

// Whether this thread is one: where others would ask again and again for what they wait for, it sleeps.
bool in_background_thread() noexcept;

}  // namespace drift
