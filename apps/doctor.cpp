// drift doctor: what this machine and this build offer, to look at before a long run and to put into a report. Ends as
// a run would where there is a GPU that this build cannot use.
#include <fmt/format.h>

#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/output.h"
#include "core/error.h"
#include "kernels/cuda.h"
#include "kernels/device.h"
#include "train/environment.h"

namespace drift {
namespace {

Json examine() {
  Json report = describe_environment();
  Json& devices = report["devices"] = Json::array({"cpu"});
  try {
    for (int index = 0; index < cuda_device_count(); ++index)
      devices.push_back(describe_device({DeviceType::kCuda, index}));
    report["default_device"] = to_string(default_device());
  } catch (const Error& error) {  // a GPU that cannot be used: the rest of the report is wanted all the more
    report["default_device"] = "none";
    report["problem"] = error.message();
  }
  report["threads"] = cpu_features().cores;
  return report;
}

void print_report(const Json& report) {
  const Json& build = report.at("build");
  const auto text = [](const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); };
  const auto line = [](std::string_view name, const std::string& value) { print("{:<18} {}\n", name, value); };
  line("drift", fmt::format("{} ({}), {}, -march={}", text(build.at("drift")), text(build.at("git")),
                            text(build.at("build_type")), text(build.at("arch"))));
  line("compiler", text(build.at("compiler")));
  for (const char* library : {"oneDNN", "CLI11", "toml++", "nlohmann_json", "spdlog", "fmt"}) {
    line(library, text(build.at(library)));
  }
  if (build.at("backends").at("cuda")) {
    line("CUDA", fmt::format("{}, cuDNN {}", text(build.at("CUDA")), text(build.at("cuDNN"))));
  }
  for (const auto& [backend, built] : build.at("backends").items()) {
    line("backend " + backend, built.get<bool>() ? "built in" : "not in this build");
  }
  std::string devices;
  for (const Json& device : report.at("devices")) devices += (devices.empty() ? "" : ", ") + text(device);
  line("devices", fmt::format("{} (default: {})", devices, text(report.at("default_device"))));
  if (report.contains("problem")) line("problem", text(report.at("problem")));
  line("system", text(report.at("system")));
  line("cpu", text(report.at("cpu")));
  line("instruction sets", text(report.at("instruction_sets")));
  line("bf16", report.at("bf16").get<bool>() ? "yes: --precision bf16 runs in hardware"
                                             : "no: --precision bf16 is refused on this CPU");
  line("cores", text(report.at("cores")));
  line("threads", fmt::format("{} by default (--threads)", text(report.at("threads"))));
  line("memory", fmt::format("{:.1f} GB", report.at("memory_gb").get<double>()));
  for (const auto& [variable, value] : report.at("variables").items()) line(variable, text(value));
}

}  // namespace

int run_doctor(int argc, char** argv) {
  CommandLine command(std::nullopt, "drift doctor", "Devices, library versions, instruction sets and threads.",
                      {"drift doctor", "drift doctor --json"});
  bool json = false;
  command.add_switch("--json", json, "print JSON");
  if (!command.parse(argc, argv)) return 0;
  const Json report = examine();
  if (json) {
    print("{}\n", report.dump(2));
  } else {
    print_report(report);
  }
  return report.contains("problem") ? exit_code(ErrorKind::kDevice) : 0;
}

}  // namespace drift
