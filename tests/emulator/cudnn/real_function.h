// Finds the function of the real library that a stand-in hides: the next one in the search order, or, where the program
// loads that library later by itself, the one of the library by name.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>

namespace drift::emulator {

// Ends the process with a message if there is none: the caller is a C function with nobody to throw to.
template <class Function>
Function* real_function(const char* name, const char* library) {
  void* found = dlsym(RTLD_NEXT, name);
  if (found == nullptr) {
    void* handle = dlopen(library, RTLD_NOW | RTLD_GLOBAL);
    found = handle == nullptr ? nullptr : dlsym(handle, name);
  }
  if (found == nullptr) {
    std::fprintf(stderr, "emulator: no %s in %s (%s)\n", name, library, dlerror());
    std::abort();
  }
  return reinterpret_cast<Function*>(found);
}

}  // namespace drift::emulator
