// The threads that OpenMP spreads work over, for our loops and for oneDNN, which takes their number from the calling
// thread's setting.
#pragma once

namespace drift {

// What the calling thread spreads over threads from now on, it spreads over so many. Throws kDevice where the system
// does not let them start: OpenMP would end the program.
void use_openmp_threads(int threads);

}  // namespace drift
