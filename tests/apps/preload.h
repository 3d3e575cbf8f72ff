// For libraries that are loaded before the others and take the place of some of their functions.
#pragma once

#include <dlfcn.h>

namespace drift::testing {

// The function that would be called without the library; `mine`: the one in its place.
template <class Function>
Function real(const char* name, Function /*mine*/) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace drift::testing
