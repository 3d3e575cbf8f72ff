// Reads nvcc's fat binaries: one program in several forms, SASS (ELF) for some devices and PTX for others.
#pragma once

#include <string>

namespace drift::emulator {

struct FatBinaryCode {
  std::string ptx;    // the best fitting PTX: the newest for this device, or else the oldest there is
  bool runs = false;  // would a device of this kind find code that it can run?
};

// wrapper: what __cudaRegisterFatBinary is given. Ends the process where the PTX is compressed or missing.
FatBinaryCode read_fat_binary(const void* wrapper, int sm);

}  // namespace drift::emulator
