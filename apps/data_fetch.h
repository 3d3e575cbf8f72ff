// drift data fetch.
#pragma once

namespace drift {

// argv[0]: "fetch".
int run_data_fetch(int argc, char** argv);

}  // namespace drift
