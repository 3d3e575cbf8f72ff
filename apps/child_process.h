// What a process of this program does between fork() and another program in its place.
#pragma once

#include <csignal>
#include <string>
#include <vector>

namespace drift {

// Where this program lies.
std::string this_program();

// Asks a child to stop, as apps/signals.h has it. One that does not listen yet ignores it: ask again.
constexpr int kAsksToStop = SIGUSR1;

// A group and signals of its own, nothing to read, and these descriptors as its outputs. Where the parent dies, so does
// it.
void become_child(int out, int err);

// Puts the program in place of this one; returns only where it cannot.
void run_instead(const std::vector<std::string>& words);

}  // namespace drift
