// Descriptors 0 to 2 as careless programs leave them: closed, full, or a pipe whose other end is gone.
#pragma once

#include <array>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <unistd.h>

namespace drift::testing {

struct StreamState {
  int stream;
  const char* is;  // "closed", "full" or "dead"
};

// In a process that is about to run another program.
inline void bring_about(const StreamState& state) {
  std::array<int, 2> pipe_ends{};
  if (std::string_view(state.is) == "closed") {
    close(state.stream);
  } else if (std::string_view(state.is) == "full") {
    dup2(open("/dev/full", O_RDWR | O_CLOEXEC), state.stream);
  } else if (pipe2(pipe_ends.data(), O_CLOEXEC) == 0) {
    dup2(pipe_ends[state.stream == STDIN_FILENO ? 0 : 1], state.stream);  // the other end goes with exec
  }
}

inline auto stream_states() {
  return ::testing::Values(StreamState{0, "closed"}, StreamState{0, "full"}, StreamState{0, "dead"},
                           StreamState{1, "closed"}, StreamState{1, "full"}, StreamState{1, "dead"},
                           StreamState{2, "closed"}, StreamState{2, "full"}, StreamState{2, "dead"});
}
inline std::string stream_state_name(const ::testing::TestParamInfo<StreamState>& info) {
  return fmt::format("{}{}", info.param.is, info.param.stream);
}

}  // namespace drift::testing
