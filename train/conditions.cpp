#include "train/conditions.h"

#include <fmt/format.h>

#include "core/build_info.h"
#include "kernels/cuda.h"

namespace drift {

Conditions conditions_of(Device device, const ThreadLayout& layout, const std::string& convolutions) {
  const BuildInfo& build = build_info();
  Conditions conditions = {{"compiler", std::string(build.compiler)}, {"-march", std::string(build.arch)}};
  if (device.type == DeviceType::kCuda) {
    conditions["device"] = "cuda";
    conditions["GPU"] = cuda_device_name(device.index);
    conditions["CUDA, cuDNN"] = fmt::format("{}, {}", build.cuda_toolkit, build.cudnn);
  } else {
    conditions["device"] = "cpu";
    conditions["threads per worker"] = std::to_string(layout.threads_per_worker);
    conditions["cores"] = std::to_string(cpu_features().cores);
    conditions["instruction sets"] = cpu_features().instruction_sets;
    conditions["convolutions"] = convolutions;
    conditions["oneDNN"] = build.onednn;
  }
  return conditions;
}

std::vector<std::string> differences(const Conditions& before, const Conditions& now) {
  std::vector<std::string> texts;
  const auto differs = [&](const char* name) {
    const auto was = before.find(name), is = now.find(name);
    return was != before.end() && is != now.end() && was->second != is->second;
  };
  for (const auto& [name, is] : now) {
    if (!differs(name.c_str())) continue;
    if (name == "cores" && !differs("threads per worker")) continue;  // by themselves they change nothing
    texts.push_back(fmt::format("{}: {}, now {}", name, before.at(name), is));
  }
  return texts;
}

}  // namespace drift
