// What a process of this program does between fork() and another program in its place.
#pragma once

#include <string>
#include <vector>

namespace drift {

// Where this program lies.
std::string this_program();

// A group and signals of its own, nothing to read, and these descriptors as its outputs. Where the parent dies, so does
// it.
void become_child(int out, int err);

// Puts the program in place of this one; returns only where it cannot.
void run_instead(const std::vector<std::string>& words);

}  // namespace drift
