// libnvrtc.so for emulated runs: the real compiler, which is not asked twice for the same thing. cuDNN compiles kernels
// for its plans; with one plan for each of some hundred graphs, in each of some dozen processes, that was nearly all
// the time of the emulated tests. A program is made by the real library; only if its kernels are asked for and known
// they come from the file.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <mutex>
#include <nvrtc.h>
#include <utility>

#include "tests/emulator/nvrtc/compiled.h"

namespace drift::emulator {
namespace {

namespace fs = std::filesystem;

void* real(const char* name) {
  static void* const library = [] {
    void* const opened = ::dlopen(EMU_REAL_NVRTC, RTLD_NOW | RTLD_LOCAL);
    if (opened == nullptr) {
      std::fprintf(stderr, "[emulator] %s\n", ::dlerror());
      std::abort();
    }
    return opened;
  }();
  return ::dlsym(library, name);
}

// Calls the function of that name in the real library.
template <class... Args>
nvrtcResult forward(const char* name, Args... args) {
  auto* const function = reinterpret_cast<nvrtcResult (*)(Args...)>(real(name));
  return function == nullptr ? NVRTC_ERROR_INTERNAL_ERROR : function(args...);
}

struct Program {
  std::vector<std::string> inputs;        // the source, its name, its headers
  std::vector<std::string> options = {};  // once it was asked to compile
  bool cacheable = true;
  std::optional<Compiled> compiled = {};
  bool compiled_by_nvrtc = false;
};

std::mutex mutex;
std::map<nvrtcProgram, Program>& programs() {
  static std::map<nvrtcProgram, Program> all;
  return all;
}

// It stays where it is until it is destroyed; nullptr if no program is called so.
Program* find(nvrtcProgram program) {
  const std::lock_guard lock(mutex);
  const auto found = programs().find(program);
  return found == programs().end() ? nullptr : &found->second;
}

std::string library_identity() {
  std::error_code error;
  const fs::path path = EMU_REAL_NVRTC;
  return path.string() + " " + std::to_string(fs::file_size(path, error)) + " " +
         std::to_string(fs::last_write_time(path, error).time_since_epoch().count());
}

// Empty: nothing is kept.
fs::path file_of(const Program& program) {
  const char* const folder = std::getenv("EMU_NVRTC_CACHE");
  if (folder == nullptr || *folder == '\0' || !program.cacheable) return {};
  static const std::string identity = library_identity();
  std::vector<std::string_view> parts = {identity};
  parts.insert(parts.end(), program.inputs.begin(), program.inputs.end());
  parts.insert(parts.end(), program.options.begin(), program.options.end());
  return fs::path(folder) / key_of(parts);
}

// What decides what is compiled, of a program that the real library has just made.
void remember(nvrtcProgram program, std::vector<std::string> inputs, int count, const char* const* headers,
              const char* const* names) {
  for (int i = 0; i < count; ++i) {
    inputs.emplace_back(headers[i]);
    inputs.emplace_back(names == nullptr || names[i] == nullptr ? "" : names[i]);
  }
  const std::lock_guard lock(mutex);
  programs().insert_or_assign(program, Program{.inputs = std::move(inputs)});
}

nvrtcResult compile_really(nvrtcProgram program, Program& known) {
  std::vector<const char*> options;
  for (const std::string& option : known.options) options.push_back(option.c_str());
  known.compiled_by_nvrtc = true;
  return forward("nvrtcCompileProgram", program, static_cast<int>(options.size()),
                 static_cast<const char* const*>(options.data()));
}

std::optional<std::string> artefact_of(nvrtcProgram program, const char* size_name, const char* name) {
  std::size_t size = 0;
  if (forward(size_name, program, &size) != NVRTC_SUCCESS) return std::nullopt;
  std::string bytes(size, '\0');
  if (forward(name, program, bytes.data()) != NVRTC_SUCCESS) return std::nullopt;
  return bytes;
}

nvrtcResult compile(nvrtcProgram program, int count, const char* const* options) {
  Program* const known = find(program);
  if (known == nullptr) return forward("nvrtcCompileProgram", program, count, options);
  known->options.assign(options, options + count);
  const fs::path file = file_of(*known);
  if (!file.empty()) known->compiled = read_compiled(file);
  if (known->compiled) return NVRTC_SUCCESS;
  const nvrtcResult result = compile_really(program, *known);
  if (result == NVRTC_SUCCESS && !file.empty()) {
    write_compiled(file, {artefact_of(program, "nvrtcGetPTXSize", "nvrtcGetPTX"),
                          artefact_of(program, "nvrtcGetCUBINSize", "nvrtcGetCUBIN"),
                          artefact_of(program, "nvrtcGetProgramLogSize", "nvrtcGetProgramLog")});
  }
  return result;
}

// nullptr: the real library has it.
const Compiled* compiled_of(nvrtcProgram program) {
  Program* const known = find(program);
  return known == nullptr || !known->compiled ? nullptr : &*known->compiled;
}

nvrtcResult size_of(nvrtcProgram program, Artefact which, const char* name, std::size_t* size) {
  const Compiled* const compiled = compiled_of(program);
  if (compiled == nullptr) return forward(name, program, size);
  const std::optional<std::string>& bytes = (*compiled)[static_cast<std::size_t>(which)];
  if (!bytes) return NVRTC_ERROR_INVALID_PROGRAM;
  *size = bytes->size();
  return NVRTC_SUCCESS;
}

nvrtcResult bytes_of(nvrtcProgram program, Artefact which, const char* name, char* into) {
  const Compiled* const compiled = compiled_of(program);
  if (compiled == nullptr) return forward(name, program, into);
  const std::optional<std::string>& bytes = (*compiled)[static_cast<std::size_t>(which)];
  if (!bytes) return NVRTC_ERROR_INVALID_PROGRAM;
  std::memcpy(into, bytes->data(), bytes->size());
  return NVRTC_SUCCESS;
}

// What is asked for is not kept: now it is compiled after all.
template <class... Args>
nvrtcResult forward_compiled(const char* name, nvrtcProgram program, Args... args) {
  if (Program* const known = find(program); known != nullptr && known->compiled && !known->compiled_by_nvrtc) {
    if (const nvrtcResult result = compile_really(program, *known); result != NVRTC_SUCCESS) return result;
  }
  return forward(name, program, args...);
}

}  // namespace
}  // namespace drift::emulator

using namespace drift::emulator;

extern "C" {

nvrtcResult nvrtcCreateProgram(nvrtcProgram* program, const char* source, const char* name, int count,
                               const char* const* headers, const char* const* names) {
  const nvrtcResult result = forward("nvrtcCreateProgram", program, source, name, count, headers, names);
  if (result == NVRTC_SUCCESS) remember(*program, {source, name == nullptr ? "" : name}, count, headers, names);
  return result;
}
// Not in nvrtc.h: how cuDNN makes its programs. The source is scrambled, byte by byte; the last three arguments say how
// to read it.
nvrtcResult __nvrtcCPEx(nvrtcProgram* program, const char* source, const char* name, int count,
                        const char* const* headers, const char* const* names, int settings, const int* keys,
                        void* const* values) {
  const nvrtcResult result =
      forward("__nvrtcCPEx", program, source, name, count, headers, names, settings, keys, values);
  if (result == NVRTC_SUCCESS) remember(*program, {"scrambled", source, name ? name : ""}, count, headers, names);
  return result;
}
nvrtcResult nvrtcDestroyProgram(nvrtcProgram* program) {
  {
    const std::lock_guard lock(mutex);
    programs().erase(*program);
  }
  return forward("nvrtcDestroyProgram", program);
}
nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int count, const char* const* options) {
  return compile(program, count, options);
}
nvrtcResult nvrtcAddNameExpression(nvrtcProgram program, const char* const expression) {
  if (Program* const known = find(program)) known->cacheable = false;
  return forward("nvrtcAddNameExpression", program, expression);
}

nvrtcResult nvrtcGetPTXSize(nvrtcProgram program, std::size_t* size) {
  return size_of(program, Artefact::kPtx, "nvrtcGetPTXSize", size);
}
nvrtcResult nvrtcGetPTX(nvrtcProgram program, char* into) {
  return bytes_of(program, Artefact::kPtx, "nvrtcGetPTX", into);
}
nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, std::size_t* size) {
  return size_of(program, Artefact::kCubin, "nvrtcGetCUBINSize", size);
}
nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, char* into) {
  return bytes_of(program, Artefact::kCubin, "nvrtcGetCUBIN", into);
}
nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, std::size_t* size) {
  return size_of(program, Artefact::kLog, "nvrtcGetProgramLogSize", size);
}
nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char* into) {
  return bytes_of(program, Artefact::kLog, "nvrtcGetProgramLog", into);
}

nvrtcResult nvrtcGetLTOIRSize(nvrtcProgram program, std::size_t* size) {
  return forward_compiled("nvrtcGetLTOIRSize", program, size);
}
nvrtcResult nvrtcGetLTOIR(nvrtcProgram program, char* into) {
  return forward_compiled("nvrtcGetLTOIR", program, into);
}
nvrtcResult nvrtcGetLoweredName(nvrtcProgram program, const char* const expression, const char** lowered) {
  return forward_compiled("nvrtcGetLoweredName", program, expression, lowered);
}

const char* nvrtcGetErrorString(nvrtcResult result) {
  return reinterpret_cast<const char* (*)(nvrtcResult)>(real("nvrtcGetErrorString"))(result);
}
nvrtcResult nvrtcVersion(int* major, int* minor) {
  return forward("nvrtcVersion", major, minor);
}
nvrtcResult nvrtcGetNumSupportedArchs(int* count) {
  return forward("nvrtcGetNumSupportedArchs", count);
}
nvrtcResult nvrtcGetSupportedArchs(int* architectures) {
  return forward("nvrtcGetSupportedArchs", architectures);
}

}  // extern "C"
