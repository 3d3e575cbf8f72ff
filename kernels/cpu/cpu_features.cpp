// What this machine's CPU offers, from cpuid and the scheduler's affinity mask.
#include <cpuid.h>
#include <cstring>
#include <sched.h>

#include "kernels/device.h"

namespace drift {
namespace {

std::string brand() {
  unsigned words[12] = {};
  for (unsigned leaf = 0; leaf < 3; ++leaf) {
    unsigned* w = words + 4 * leaf;
    if (__get_cpuid(0x80000002u + leaf, w, w + 1, w + 2, w + 3) == 0) return "unknown CPU";
  }
  char text[49] = {};
  std::memcpy(text, words, sizeof words);
  std::string name(text);
  name.erase(name.find_last_not_of(' ') + 1);
  return name;
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

CpuFeatures detect() {
  CpuFeatures features;
  features.model = brand();
  features.cores = usable_cores();
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0, eax1 = 0, ignored = 0;
  __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx);
  __get_cpuid_count(7, 1, &eax1, &ignored, &ignored, &ignored);
  __builtin_cpu_init();  // asks the operating system too: does it save the AVX-512 registers?
  const auto add = [&](bool present, const char* name) {
    if (!present) return;
    if (!features.instruction_sets.empty()) features.instruction_sets += ' ';
    features.instruction_sets += name;
  };
  features.avx512 =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  features.avx512_bf16 = features.avx512 && (eax1 & (1u << 5)) != 0;
  const bool amx_bf16 = features.avx512 && (edx & (1u << 22)) != 0;
  add(__builtin_cpu_supports("avx2"), "avx2");
  add(__builtin_cpu_supports("fma"), "fma");
  add(features.avx512, "avx512");
  add(features.avx512_bf16, "avx512_bf16");
  add(amx_bf16, "amx_bf16");
  features.bf16 = features.avx512_bf16 || amx_bf16;
  return features;
}

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = detect();
  return features;
}

}  // namespace drift
