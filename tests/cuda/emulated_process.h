// Starts a program on emulated devices as a user would, by scripts/emulated.sh, and tells how it ended.
#pragma once

#include <array>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <sys/wait.h>

namespace drift::testing {

// What emulated processes end with.
constexpr int kMistake = 70;  // the emulator found one
constexpr int kHung = 124;

struct Outcome {
  int status = -1;
  std::string out, text;  // stdout; stderr
};

// `environment`: NAME=VALUE pairs; `files`: a path of which this takes what follows it with .out and .err.
inline Outcome run_emulated(const std::string& command, const std::string& environment, const std::string& files) {
  const auto read = [&](const std::string& path) {
    std::string text;
    std::FILE* const file = std::fopen(path.c_str(), "r");
    if (file == nullptr) return text;
    std::array<char, 4096> piece;
    while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), file)) text.append(piece.data(), count);
    std::fclose(file);
    std::remove(path.c_str());
    return text;
  };
  const std::string out = files + ".out", err = files + ".err";
  const int status = std::system(("env EMU_QUIET=1 DRIFT_BUILD=" DRIFT_BUILD " " + environment +
                                  " timeout -k 5 120 " EMULATED_SH " " + command + " >" + out + " 2>" + err)
                                     .c_str());
  return {
      .status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), .out = read(out), .text = read(err)};
}

// How often each API was called, from the file that EMU_COUNT_CALLS names.
inline std::map<std::string, int> calls_counted(const std::string& file) {
  std::map<std::string, int> calls;
  std::ifstream stream(file);
  std::string api;
  for (int number = 0; stream >> api >> number;) calls[api] = number;
  return calls;
}

}  // namespace drift::testing
