# The CUDA backend: built where nvcc 12.4+, cuDNN 9.11+ and the headers of cudnn-frontend are found. Sets
# DRIFT_HAVE_CUDA; what is missing is said in DRIFT_MISSED_CUDA, which is an error for DRIFT_CUDA=ON.
#
# cudnn-frontend: CUDNN_FRONTEND_ROOT (variable or environment; the folder above include/), or what
# scripts/fetch_cudnn_frontend.sh left in the user's cache.
set(DRIFT_HAVE_CUDA OFF)
set(DRIFT_MISSED_CUDA "")

function(drift_cudnn_version header result)
  file(STRINGS ${header} lines REGEX "#define CUDNN_(MAJOR|MINOR|PATCHLEVEL) ")
  string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*PATCHLEVEL ([0-9]+).*" "\\1.\\2.\\3" version "${lines}")
  set(${result} ${version} PARENT_SCOPE)
endfunction()

if(NOT DRIFT_CUDA STREQUAL "OFF")
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    if(NOT CUDAToolkit_ROOT)  # or else CMake takes the libraries of the nvcc on PATH, which CUDACXX may overrule
      cmake_path(GET CMAKE_CUDA_COMPILER PARENT_PATH bin)
      set(CUDAToolkit_ROOT ${bin}/..)
    endif()
    find_package(CUDAToolkit QUIET)
  endif()
  find_path(DRIFT_CUDNN_INCLUDE cudnn_version.h HINTS ${CUDNN_ROOT} ENV CUDNN_ROOT ${CUDAToolkit_INCLUDE_DIRS}
            PATH_SUFFIXES include)
  find_library(DRIFT_CUDNN_LIBRARY cudnn HINTS ${CUDNN_ROOT} ENV CUDNN_ROOT ${CUDAToolkit_LIBRARY_DIR}
               PATH_SUFFIXES lib64 lib)
  set(cache $ENV{XDG_CACHE_HOME})
  if(NOT cache)
    set(cache $ENV{HOME}/.cache)
  endif()
  find_path(DRIFT_CUDNN_FRONTEND_INCLUDE cudnn_frontend.h
            HINTS ${CUDNN_FRONTEND_ROOT} ENV CUDNN_FRONTEND_ROOT ${cache}/drift/cudnn-frontend PATH_SUFFIXES include)
  mark_as_advanced(DRIFT_CUDNN_INCLUDE DRIFT_CUDNN_LIBRARY DRIFT_CUDNN_FRONTEND_INCLUDE)

  find_program(nvcc NAMES $ENV{CUDACXX} nvcc NO_CACHE)  # even one that refuses the C++ compiler: to CMake that is none

  if(NOT CMAKE_CUDA_COMPILER AND nvcc)
    set(DRIFT_MISSED_CUDA "${nvcc} is too old for ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} or does not \
work: set CUDACXX to another, or CUDAHOSTCXX to a C++ compiler that it takes")
  elseif(NOT CMAKE_CUDA_COMPILER OR NOT CUDAToolkit_FOUND)
    set(DRIFT_MISSED_CUDA "nvcc not found: put it on PATH or set CUDACXX")
  elseif(CUDAToolkit_VERSION VERSION_LESS 12.4)
    set(DRIFT_MISSED_CUDA "CUDA ${CUDAToolkit_VERSION} found, 12.4 is needed")
  elseif(NOT DRIFT_CUDNN_INCLUDE OR NOT DRIFT_CUDNN_LIBRARY)
    set(DRIFT_MISSED_CUDA "cuDNN not found: set CUDNN_ROOT")
  elseif(NOT DRIFT_CUDNN_FRONTEND_INCLUDE)
    set(DRIFT_MISSED_CUDA "cudnn-frontend not found: run scripts/fetch_cudnn_frontend.sh or set CUDNN_FRONTEND_ROOT")
  else()
    drift_cudnn_version(${DRIFT_CUDNN_INCLUDE}/cudnn_version.h DRIFT_CUDNN_VERSION)
    if(DRIFT_CUDNN_VERSION VERSION_LESS 9.11)
      set(DRIFT_MISSED_CUDA "cuDNN ${DRIFT_CUDNN_VERSION} found, 9.11 is needed")
    endif()
  endif()
  if(DRIFT_MISSED_CUDA AND DRIFT_CUDA STREQUAL "ON")
    message(FATAL_ERROR "DRIFT_CUDA=ON, but ${DRIFT_MISSED_CUDA}.")
  endif()
  if(NOT DRIFT_MISSED_CUDA)
    set(DRIFT_HAVE_CUDA ON)
    set(DRIFT_CUDA_TOOLKIT_VERSION ${CUDAToolkit_VERSION})
    set(DRIFT_SEEN_CUDA "CUDA ${CUDAToolkit_VERSION}, cuDNN ${DRIFT_CUDNN_VERSION} (${DRIFT_CUDNN_FRONTEND_INCLUDE})")
  endif()
endif()

if(DRIFT_HAVE_CUDA)
  # Machine code for Ampere, Hopper and (from CUDA 12.8 on) Blackwell, PTX for the newest of them.
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    if(CUDAToolkit_VERSION VERSION_LESS 12.8)
      set(CMAKE_CUDA_ARCHITECTURES 80-real 90)
    else()
      set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 100)
    endif()
  endif()
  set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)  # so that the emulator of tests/emulator can take its place
  if(DRIFT_CCACHE AND NOT CMAKE_CUDA_COMPILER_LAUNCHER)
    set(CMAKE_CUDA_COMPILER_LAUNCHER ${DRIFT_CCACHE})
  endif()
  enable_language(CUDA)

  # -std: CMake 3.25 does not know nvcc's C++20. --fmad=false: maps of + - * / sqrt give the bits of the CPU backend
  # (docs/numerics.md). --no-compress: the emulator reads the PTX in the executable.
  set(flags -std=c++20 --fmad=false --no-compress -Xcompiler=-Wall,-Wextra,-ffp-contract=off -diag-suppress=20012)
  target_compile_options(drift_flags INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:${flags}>")
  add_library(drift_cudnn INTERFACE)  # its headers include CUDA's
  target_include_directories(drift_cudnn SYSTEM INTERFACE
    ${CUDAToolkit_INCLUDE_DIRS} ${DRIFT_CUDNN_INCLUDE} ${DRIFT_CUDNN_FRONTEND_INCLUDE})
  target_link_libraries(drift_cudnn INTERFACE ${DRIFT_CUDNN_LIBRARY})
endif()
