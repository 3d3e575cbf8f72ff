# Tests of the stand-ins of cuDNN and cuBLASLt: real graphs of the real libraries, executed on the emulator by
# scripts/emulated.sh. cuDNN's plans differ by device, so each kind of device is one test.
add_executable(emulator_library_tests
  ${CMAKE_CURRENT_LIST_DIR}/cublaslt_test.cpp ${CMAKE_CURRENT_LIST_DIR}/cudnn_batch_norm_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/cudnn_convolution_test.cpp ${CMAKE_CURRENT_LIST_DIR}/cudnn_graph.cpp
  ${CMAKE_CURRENT_LIST_DIR}/cudnn_graph_test.cpp ${CMAKE_CURRENT_LIST_DIR}/cudnn_handle_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/cudnn_pooling_test.cpp)
set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/cudnn_graph.cpp PROPERTIES COMPILE_OPTIONS -O0)  # the frontend
target_compile_features(emulator_library_tests PRIVATE cxx_std_20)
target_compile_options(emulator_library_tests PRIVATE -Wall -Wextra -Wpedantic -Wshadow)
target_compile_definitions(emulator_library_tests PRIVATE
  DRIFT_EMULATOR_PROPERTIES="${CMAKE_CURRENT_LIST_DIR}/../properties")
target_include_directories(emulator_library_tests PRIVATE ${CMAKE_SOURCE_DIR})
target_include_directories(emulator_library_tests SYSTEM PRIVATE
  ${DRIFT_CUDNN_INCLUDE} ${DRIFT_CUDNN_FRONTEND_INCLUDE} ${CUDAToolkit_INCLUDE_DIRS})
target_link_libraries(emulator_library_tests PRIVATE
  drift_test_support ${DRIFT_CUDNN_LIBRARY} CUDA::cudart CUDA::cublasLt CUDA::nvrtc ${CMAKE_DL_LIBS})
add_dependencies(emulator_library_tests emu_cudart emu_threads emu_driver emu_cudnn emu_cublaslt emu_nvrtc)

function(emulator_library_test name sm filter)
  add_test(NAME emulator.libraries.${name}
    COMMAND ${CMAKE_SOURCE_DIR}/scripts/emulated.sh $<TARGET_FILE:emulator_library_tests> --gtest_filter=${filter})
  set_tests_properties(emulator.libraries.${name} PROPERTIES LABELS fast TIMEOUT 300
    ENVIRONMENT "DRIFT_BUILD=${CMAKE_BINARY_DIR};EMU_SM=${sm};EMU_RACE=1;EMU_LEAKS=1")
endfunction()

set(architectures 80 90)
if(CUDAToolkit_VERSION VERSION_GREATER_EQUAL 12.8)  # of NVRTC, which compiles cuDNN's kernels for Blackwell
  list(APPEND architectures 100)
endif()
foreach(sm IN LISTS architectures)
  emulator_library_test(sm${sm} ${sm} *sm${sm}*)
endforeach()
emulator_library_test(calls 90 -*sm80*:*sm90*:*sm100*)
