# What this build is made of, printed at the end of configure.

message(STATUS "")
message(STATUS "Drift ${PROJECT_VERSION}: ${CMAKE_BUILD_TYPE}, -march=${DRIFT_ARCH}, "
               "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}")
message(STATUS "  CPU backend   oneDNN ${dnnl_VERSION} (${dnnl_DIR})")
foreach(backend CUDA NCCL MPI)
  if(DRIFT_HAVE_${backend})
    message(STATUS "  ${backend}          yes")
  else()
    message(STATUS "  ${backend}          no (DRIFT_${backend}=${DRIFT_${backend}}; linked: its missing/ twin)")
  endif()
endforeach()
message(STATUS "  tests ${DRIFT_TESTS}, benches ${DRIFT_BENCH}, sanitizers '${DRIFT_SANITIZE}'")
message(STATUS "")
