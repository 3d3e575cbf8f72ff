// drift data pack and drift data verify.
#pragma once

namespace drift {

// argv[0]: "pack", "verify".
int run_data_pack(int argc, char** argv);
int run_data_verify(int argc, char** argv);

}  // namespace drift
