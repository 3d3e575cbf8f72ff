// Standard input, output and error, whatever the program was started with.
#pragma once

namespace drift {

// Before anything else: no file gets a number of the standard streams, not even of one that was closed by whoever
// started the program, which can still be neither read nor written then; and writing to a pipe that nobody reads
// (SIGPIPE), or beyond the limit of a file's size (SIGXFSZ), fails rather than kills.
void secure_standard_streams();

}  // namespace drift
