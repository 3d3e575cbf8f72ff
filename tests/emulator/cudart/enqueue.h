// What the stand-ins of cuDNN and cuBLASLt ask of the emulated runtime: put work on a stream, and inside that work read
// and write device memory. It is part of the replacement libcudart, so every stand-in shares the streams, the random
// order and the race check of the program's own kernels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace drift::emulator {

// kPassOn: read, but nothing depends on it.
enum class Access { kRead, kPassOn, kWrite };

// Runs `work` when `stream` (a cudaStream_t) gets there; in a capturing stream it becomes a node of the graph and runs
// once per launch, so it must own what it uses. An exception with what() ends the process with that text.
void enqueue(void* stream, const char* name, std::function<void()> work);

// The same, but the operation starts only when gate() is true: for collectives, which wait for other ranks. gate() is
// called while the operation heads its stream and must not block.
void enqueue_gated(void* stream, const char* name, std::function<bool()> gate, std::function<void()> work);

// Only inside work: a host address for `bytes` bytes of device (or pinned) memory, recorded for the race check, which
// also refuses a read of what nobody has written. Memory that the stream's device may not touch is an error. nullptr
// stays nullptr.
void* host_pointer(const void* device, std::size_t bytes, Access access);

// Only inside work: its blocks wait for each other, so that all must have a place at once, on so many multiprocessors
// (0: all). What together wants more than the device has must be ordered; with EMU_RACE=1 that is checked.
void occupy_multiprocessors(std::int64_t count);

// The device that `stream` was created on; the current device for the default stream.
int device_of(void* stream);

// Counts a call of `api` (EMU_COUNT_CALLS) and says whether it is the one that EMU_FAIL=api:n[:code] wants to fail:
// then true, and *code, if it is not null, holds the code asked for or stays as it was.
bool call_must_fail(const char* api, int* code);
// The same in a library's own terms: the status to return, `usual` unless EMU_FAIL names another; its success, which is
// 0 in all of them, to go on.
template <class Status>
Status injected_fault(const char* api, Status usual) {
  int code = usual;
  return call_must_fail(api, &code) ? static_cast<Status>(code) : Status{};
}

// For EMU_LEAKS: an object that a library gave to the program, which must destroy it. `kind`: a plural, for the report.
void object_created(const char* kind);
void object_destroyed(const char* kind);

}  // namespace drift::emulator
