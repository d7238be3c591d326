# Sources of the sparse engine. Each instruction set is one file that allows it for its own functions only.
set(EDGEDF_ENGINE_SOURCES
    src/engine/choose.c
    src/engine/coder.c
    src/engine/dispatch.c
    src/engine/exp.c
    src/engine/fuse.c
    src/engine/graph.c
    src/engine/kernels_avx2.c
    src/engine/kernels_avx512.c
    src/engine/kernels_neon.c
    src/engine/kernels_portable.c
    src/engine/layout.c
    src/engine/place.c
    src/engine/store_rows.c
    src/engine/run.c
    src/engine/run_conv.c
    src/engine/run_crop.c
    src/engine/sizes.c
    src/engine/strips.c
    src/engine/tables.c
    src/engine/window.c
    src/model.c
    src/model_describe.c
    src/model_threads.c)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads)
if(Threads_FOUND)
  link_libraries(Threads::Threads)
endif()
list(APPEND EDGEDF_FUZZ_TARGETS fuzz/fuzz_model.c)
