// Children: other runs of this program, some at a time, each with a log file for what it prints.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

namespace drift {

class Children {
 public:
  // `drift WORDS`; its output is appended to `log`. `id` is what wait() will call it. Where this program dies, so does
  // it. Throws kDevice when the system starts no more processes.
  void start(int id, const std::vector<std::string>& words, const std::filesystem::path& log);
  bool empty() const { return running_.empty(); }
  std::size_t size() const { return running_.size(); }

  struct Ended {
    int id = 0;
    int exit_code = 0;  // 128 + n: by signal n
  };
  // Of the next one that ends. While it waits, a request to stop this program (apps/signals.h) asks all of them to.
  Ended wait();

 private:
  std::map<pid_t, int> running_;
};

}  // namespace drift
