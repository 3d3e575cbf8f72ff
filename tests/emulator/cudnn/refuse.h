// How the stand-in refuses a call: the status for the program, and a line on stderr that says why.
#pragma once

#include <cstdio>
#include <cudnn.h>

namespace drift::emulator::cudnn {

inline cudnnStatus_t refuse(cudnnStatus_t status, const char* api, const char* why) {
  std::fprintf(stderr, "[emulator] %s: %s\n", api, why);
  return status;
}

}  // namespace drift::emulator::cudnn
