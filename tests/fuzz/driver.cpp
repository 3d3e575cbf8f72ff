// Runs a fuzz target where there is no libFuzzer, with arguments as that has them: every file of a corpus, then so many
// mutations of them, each a function of the seed and its number (DRIFT_TEST_SEED replays). The input that ends the
// program is left in the working directory, as NAME.failed.
//
//   fuzz_NAME [-runs=N] FILE|FOLDER...
#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <iostream>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "core/rng.h"
#include "core/text.h"
#include "tests/fuzz/target.h"
#include "tests/support/file_damage.h"
#include "tests/support/seed.h"

extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));  // NOLINT: their name

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

std::string current;  // the input that is being read
std::string failed;   // where it goes if that ends the program

void leave_input() {
  const int file = ::open(failed.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  const bool left = file >= 0 && ::write(file, current.data(), current.size()) >= 0;
  const std::string_view said = left ? "the input is in " : "the input could not be written to ";
  for (const std::string_view part : {said, std::string_view(failed), std::string_view("\n")}) {
    static_cast<void>(!::write(STDERR_FILENO, part.data(), part.size()));
  }
}

void leave_input_and_die(int signal) {
  leave_input();
  std::signal(signal, SIG_DFL);
  ::raise(signal);
}

void try_input(std::string input) {
  current = std::move(input);
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(current.data()), current.size());
}

// One mutation, from numbers of its own.
class Mutation {
 public:
  Mutation(const std::vector<std::string>& corpus, std::uint64_t number)
      : corpus_(corpus), random_(seed(), stream_id(Purpose::kTest, number >> 32, number)), text_(any()) {}

  std::string run() {
    for (std::uint32_t left = 1 + below(4); left > 0; --left) change();
    if (text_.size() > kBytesMax) text_.resize(kBytesMax);
    return std::move(text_);
  }

 private:
  static constexpr std::size_t kBytesMax = 1 << 16;

  std::uint32_t below(std::size_t n) {
    return random_.below(used_++, static_cast<std::uint32_t>(std::max<std::size_t>(n, 1)));
  }
  const std::string& any() { return corpus_[below(corpus_.size())]; }

  void change() {
    const std::size_t at = below(text_.size() + 1);
    const std::size_t length = std::min<std::size_t>(1 + below(16) * below(16), text_.size() - at);
    switch (below(7)) {
      case 0:
        if (at < text_.size()) text_[at] = static_cast<char>(text_[at] ^ (1 << below(8)));
        break;
      case 1:
        text_.erase(at, length);
        break;
      case 2:
        text_.insert(at, repeated(text_.substr(at, length), 1 + below(40)));
        break;
      case 3:
        text_ = text_.substr(0, at) + any().substr(0, below(kBytesMax));
        break;
      case 4:
        overwrite_integer(at);
        break;
      default:
        replace_number(at);
    }
  }
  static std::string repeated(const std::string& text, std::uint32_t times) {
    std::string all;
    for (; times > 0; --times) all += text;
    return all;
  }
  // 1, 2, 4 or 8 bytes of a number at an end of its range, or near to one.
  void overwrite_integer(std::size_t at) {
    const std::size_t bytes = std::size_t{1} << below(4);
    if (at + bytes > text_.size()) return;
    const std::array<std::int64_t, 4> ends = {0, -1, INT64_MAX, INT64_MIN};
    const std::int64_t number = ends[below(4)] ^ static_cast<std::int64_t>(below(3));
    std::memcpy(text_.data() + at, reinterpret_cast<const char*>(&number) + (8 - bytes) * below(2), bytes);
  }
  // The next number that is written in digits, or whatever is there.
  void replace_number(std::size_t at) {
    static constexpr std::array<const char*, 12> kValues = {"-1",
                                                            "9223372036854775807",
                                                            "-9223372036854775808",
                                                            "18446744073709551616",
                                                            "1e300",
                                                            "nan",
                                                            "null",
                                                            "\"\"",
                                                            "[]",
                                                            "{}",
                                                            "true",
                                                            "2147483648"};
    const std::size_t begin = std::min(text_.find_first_of("0123456789", at), text_.size());
    const std::size_t end = std::min(text_.find_first_not_of("0123456789.", begin), text_.size());
    text_.replace(begin, end - begin, kValues[below(kValues.size())]);
  }

  const std::vector<std::string>& corpus_;
  Rng random_;
  std::uint64_t used_ = 0;
  std::string text_;
};

int run(const std::vector<std::string>& words) {
  std::int64_t runs = 0;
  std::vector<fs::path> files;
  for (const std::string& word : words) {
    if (word.starts_with("-runs=")) {
      runs = parse_integer(word.substr(6)).value_or(0);
    } else if (fs::is_directory(word)) {
      files.insert(files.end(), fs::directory_iterator(word), {});
    } else {
      files.emplace_back(word);
    }
  }
  std::ranges::sort(files);
  std::vector<std::string> corpus;
  for (const fs::path& file : files) {
    corpus.push_back(file_text(file));
    try_input(corpus.back());
  }
  if (corpus.empty()) {
    std::cerr << "usage: fuzz_NAME [-runs=N] FILE|FOLDER...\n";
    return 2;
  }
  for (std::int64_t number = 0; number < runs; ++number) {
    try_input(Mutation(corpus, static_cast<std::uint64_t>(number)).run());
  }
  std::cout << fmt::format("{} files and {} mutations, seed={}\n", corpus.size(), runs, seed());
  return 0;
}

}  // namespace
}  // namespace drift::testing

int main(int argc, char** argv) {
  using namespace drift::testing;
  std::cout << fmt::format("seed={} (replay with DRIFT_TEST_SEED={})", seed(), seed()) << std::endl;
  failed = fs::path(argv[0]).filename().string() + ".failed";
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(leave_input);
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS, SIGILL}) std::signal(signal, leave_input_and_die);
  return run({argv + 1, argv + argc});
}
