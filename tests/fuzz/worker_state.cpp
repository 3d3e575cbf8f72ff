// A worker's state in a checkpoint, of worker 1 at step 2. What was read is written back byte for byte.
#include "tests/fuzz/target.h"
#include "train/checkpoint/replica_state.h"

using namespace drift;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static testing::MemoryFile file, again;
  file.hold(testing::text_of(data, size));
  testing::is_read(ErrorKind::kCheckpoint, [&] {
    InputFile input(file.path());
    const ReplicaState state = read_replica_state(input, /*worker=*/1, /*step=*/2);
    DRIFT_ASSERT(write_replica_state(again.path(), 1, 2, state) == input.digest(), "not what was read");
  });
  return 0;
}
