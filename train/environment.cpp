#include "train/environment.h"

#include <string_view>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/build_info.h"
#include "core/host_name.h"
#include "kernels/device.h"

extern char** environ;

namespace drift {
namespace {

bool steers_a_run(std::string_view variable) {
  for (const std::string_view prefix :
       {"OMP_", "GOMP_", "KMP_", "DNNL_", "ONEDNN_", "CUDA_", "NCCL_", "OMPI_MCA_", "DRIFT_"}) {
    if (variable.starts_with(prefix)) return true;
  }
  return false;
}

Json variables() {
  Json found = Json::object();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos && steers_a_run(text))
      found[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  return found;
}

}  // namespace

Json describe_build() {
  const BuildInfo& build = build_info();
  return {{"drift", build.version},
          {"git", build.git},
          {"compiler", build.compiler},
          {"build_type", build.build_type},
          {"arch", build.arch},
          {"sanitizers", build.sanitizers},
          {"oneDNN", build.onednn},
          {"CLI11", build.cli11},
          {"toml++", build.tomlplusplus},
          {"nlohmann_json", build.nlohmann_json},
          {"spdlog", build.spdlog},
          {"fmt", build.fmt},
          {"CUDA", build.cuda_toolkit},
          {"cuDNN", build.cudnn},
          {"backends", {{"cpu", true}, {"cuda", build.cuda}, {"nccl", build.nccl}, {"mpi", build.mpi}}}};
}

Json describe_environment() {
  const CpuFeatures& cpu = cpu_features();
  utsname system{};
  uname(&system);
  const double memory = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  return {{"host", host_name()},
          {"system", std::string(system.sysname) + " " + system.release + " " + system.machine},
          {"cpu", cpu.model},
          {"instruction_sets", cpu.instruction_sets},
          {"bf16", cpu.bf16},
          {"cores", cpu.cores},
          {"memory_gb", memory / 1e9},
          {"variables", variables()},
          {"build", describe_build()}};
}

}  // namespace drift
