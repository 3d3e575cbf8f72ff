# Libraries come from the system's packages; nothing is downloaded here. scripts/install_packages.sh installs them.

find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(dnnl CONFIG REQUIRED)  # oneDNN 2.6 or 3.x; another one by -DCMAKE_PREFIX_PATH=PREFIX
find_package(fmt CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(tomlplusplus CONFIG REQUIRED)
find_path(DRIFT_STB_INCLUDE stb_image_write.h PATH_SUFFIXES stb REQUIRED)
find_path(DRIFT_XXHASH_INCLUDE xxhash.h REQUIRED)
find_library(DRIFT_XXHASH_LIBRARY xxhash REQUIRED)

if(DRIFT_TESTS)
  find_package(GTest REQUIRED)
  find_path(DRIFT_RAPIDCHECK_INCLUDE rapidcheck.h REQUIRED)
  find_library(DRIFT_RAPIDCHECK_LIBRARY rapidcheck REQUIRED)
endif()
if(DRIFT_BENCH)
  find_package(benchmark CONFIG REQUIRED)
endif()

include(DriftCuda)

# This version has no NCCL or MPI backend: their twins in missing/ are linked, which throw when asked for. AUTO looks
# what is there, so that the summary can say so.
foreach(backend NCCL MPI)
  if(DRIFT_${backend} STREQUAL "ON")
    message(FATAL_ERROR "DRIFT_${backend}=ON, but this version of Drift has no ${backend} backend. Use AUTO or OFF.")
  endif()
  set(DRIFT_HAVE_${backend} OFF)
endforeach()
if(DRIFT_NCCL STREQUAL "AUTO")
  find_library(DRIFT_SEEN_NCCL nccl HINTS ${CUDAToolkit_LIBRARY_DIR})
  mark_as_advanced(DRIFT_SEEN_NCCL)
endif()
if(DRIFT_MPI STREQUAL "AUTO")
  find_program(DRIFT_SEEN_MPI mpicxx)
  mark_as_advanced(DRIFT_SEEN_MPI)
endif()
