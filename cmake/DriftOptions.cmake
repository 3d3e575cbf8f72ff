# Build options and the flags every target compiles with.

option(DRIFT_TESTS "build the tests" ON)
option(DRIFT_BENCH "build the benches" ON)
set(DRIFT_ARCH native CACHE STRING "-march for the CPU kernels; native runs only on machines like this one")
set(DRIFT_SANITIZE "" CACHE STRING "address,undefined | thread | empty")
set(DRIFT_LIBFUZZER "" CACHE FILEPATH "libFuzzer's archive: fuzz targets, and nothing else, are linked with it")
foreach(backend CUDA NCCL MPI TURBOJPEG CURL)
  set(DRIFT_${backend} AUTO CACHE STRING "AUTO: use ${backend} if this version can; ON: demand it; OFF: do without")
  set_property(CACHE DRIFT_${backend} PROPERTY STRINGS AUTO ON OFF)
  if(NOT DRIFT_${backend} MATCHES "^(AUTO|ON|OFF)$")
    message(FATAL_ERROR "DRIFT_${backend} must be AUTO, ON or OFF, not '${DRIFT_${backend}}'")
  endif()
endforeach()

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

find_program(DRIFT_CCACHE ccache)
if(DRIFT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${DRIFT_CCACHE})
  set(CMAKE_DISABLE_PRECOMPILE_HEADERS ON)  # ccache would have to be told how to treat them
endif()
# What most files include, read once for each large target. No file may rely on that: the tsan preset does without.
set(DRIFT_COMMON_HEADERS <algorithm> <array> <cmath> <cstdint> <cstring> <filesystem> <functional> <map> <memory>
  <optional> <span> <string> <string_view> <utility> <vector>)

# -ffp-contract=off: a map written once gives the same bits on the CPU and on a GPU (docs/numerics.md). No fast-math.
add_library(drift_flags INTERFACE)
target_compile_features(drift_flags INTERFACE cxx_std_20)
target_include_directories(drift_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(drift_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow
                                             -march=${DRIFT_ARCH} -ffp-contract=off -fno-math-errno -fno-trapping-math>)
if(DRIFT_SANITIZE)
  target_compile_options(drift_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${DRIFT_SANITIZE}
                                               -fno-omit-frame-pointer>)
  target_link_options(drift_flags INTERFACE -fsanitize=${DRIFT_SANITIZE})
endif()
if(DRIFT_LIBFUZZER)  # tests/fuzz/coverage.cpp
  target_compile_options(drift_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fsanitize-coverage=trace-pc,trace-cmp>)
endif()

# drift_library(name SOURCES ... PUBLIC ... PRIVATE ...): one folder, one target; it may link only lower folders.
function(drift_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC drift_flags ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
endfunction()
