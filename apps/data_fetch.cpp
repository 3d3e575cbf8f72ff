// From the name of a data set to a directory that can be trained on.
#include "apps/data_fetch.h"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>
#include <thread>

#include "apps/command_line.h"
#include "apps/output.h"
#include "apps/signals.h"
#include "core/check.h"
#include "core/log.h"
#include "core/stopwatch.h"
#include "core/terminal_line.h"
#include "core/text.h"
#include "data/fetch/fetch.h"

namespace drift {
namespace {

constexpr double kBytesPerMb = 1e6;

// On a terminal, how far the download is; elsewhere nothing.
class DownloadLine {
 public:
  explicit DownloadLine(std::uint64_t total) : total_(static_cast<double>(total)) {}

  void draw(std::uint64_t bytes) {
    const auto done = static_cast<double>(bytes);
    if (first_ < 0 || done < first_) {  // the beginning, or a new one
      first_ = done;
      since_begin_.lap();
    }
    if (!line_.is_there() || !line_.is_due()) return;
    const double seconds = since_begin_.seconds();
    const double speed = seconds > 0 ? (done - first_) / seconds : 0;
    std::string text =
        fmt::format("{:.1f} of {:.1f} MB  {:.0f} %", done / kBytesPerMb, total_ / kBytesPerMb, 100 * done / total_);
    if (speed > 0) text += fmt::format("  {:.1f} MB/s  {:.0f} s left", speed / kBytesPerMb, (total_ - done) / speed);
    line_.draw(text.substr(0, line_.width()));
  }
  void message(const std::string& text) {
    line_.clear();
    log_info("{}", text);
  }

 private:
  const double total_;
  double first_ = -1;  // bytes that were there at the beginning
  Stopwatch since_begin_;
  TerminalLine line_{stderr_columns(), std::cerr, steady_clock()};
};

void wait_unless_stopped(double seconds) {
  constexpr double kLookEverySeconds = 0.05;
  const Stopwatch watch;
  while (!stop_requested() && watch.seconds() < seconds) {
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(kLookEverySeconds, seconds)));
  }
}

void require_http(const std::string& url) {
  DRIFT_CHECK(kUsage, url.empty() || url.starts_with("http://") || url.starts_with("https://"),
              "--url {}: expected the address of the archive, http://... or https://...", url);
}

}  // namespace

int run_data_fetch(int argc, char** argv) {
  CommandLine command(
      std::nullopt, "drift data fetch",
      "Downloads a data set from its publisher, verifies its checksum and unpacks it into DIR. When the\n"
      "connection breaks, or it is stopped, the same command goes on. DIR is complete or not there.",
      {"drift data fetch cifar10 data/cifar10", "drift train --data cifar10:data/cifar10",
       "drift data fetch cifar100 DIR --url https://MIRROR/cifar-100-binary.tar.gz"});
  std::string name, directory, url;
  command.add_required_value("NAME", "", &name, "cifar10 or cifar100: its binary version");
  command.add_required_value("DIR", "", &directory, "the directory to be made");
  command.add_value("--url", "URL", &url, "where else the same archive is [its publisher's address]");
  if (!command.parse(argc, argv)) return 0;

  const RemoteArchive& archive = official_archive(name);
  require_http(url);
  install_stop_signals();
  DownloadLine line(archive.bytes);
  const Fetched fetched = fetch(archive, directory, url,
                                {.stop = stop_requested(),
                                 .wait = wait_unless_stopped,
                                 .progress = [&](std::uint64_t bytes) { line.draw(bytes); },
                                 .message = [&](const std::string& text) { line.message(text); }});
  print("{}: {}, {} files{}; drift train --data {}:{}\n", directory, archive.title, archive.files.size(),
        fetched == Fetched::kBefore ? ", already there and as they were unpacked" : "", name, shell_quoted(directory));
  return 0;
}

}  // namespace drift
