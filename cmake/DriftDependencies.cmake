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

# This version has no NCCL backend. AUTO looks what is there, so that the summary can say so.
if(DRIFT_NCCL STREQUAL "ON")
  message(FATAL_ERROR "DRIFT_NCCL=ON, but this version of Drift has no NCCL backend. Use AUTO or OFF.")
endif()
set(DRIFT_HAVE_NCCL OFF)
if(DRIFT_NCCL STREQUAL "AUTO")
  find_library(DRIFT_SEEN_NCCL nccl HINTS ${CUDAToolkit_LIBRARY_DIR})
  mark_as_advanced(DRIFT_SEEN_NCCL)
endif()

set(DRIFT_HAVE_MPI OFF)
if(NOT DRIFT_MPI STREQUAL "OFF")
  set(MPI_CXX_SKIP_MPICXX ON)  # the old C++ bindings
  find_package(MPI QUIET COMPONENTS CXX)
  if(MPI_CXX_FOUND)
    set(DRIFT_HAVE_MPI ON)
    list(GET MPI_CXX_LIBRARIES -1 library)
    set(DRIFT_SEEN_MPI "MPI ${MPI_CXX_VERSION} (${library})")
  elseif(DRIFT_MPI STREQUAL "ON")
    message(FATAL_ERROR "DRIFT_MPI=ON, but no MPI was found: install one (Debian: libopenmpi-dev openmpi-bin), or put \
its mpicxx on PATH.")
  endif()
endif()
