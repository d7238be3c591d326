# The command-line program edgedf-run: one file that needs only the C library. It is compiled apart from the
# libraries, for size: kernels at -O2, everything else at -Os, and what nothing calls is left out. So are the AVX-512
# kernels, unless asked for.
option(EDGEDF_RUN_AVX512 "edgedf-run has the AVX-512 kernels too, and 32 kB more" OFF)
set(EDGEDF_KERNEL_SOURCES ${EDGEDF_CROP_SOURCES} ${EDGEDF_ENGINE_SOURCES})
set(EDGEDF_OTHER_SOURCES ${EDGEDF_KERNEL_SOURCES})
list(FILTER EDGEDF_KERNEL_SOURCES INCLUDE REGEX "kernels_|engine/int8_|crop_[a-z0-9]+\\.c$|crop/block\\.c$")
# Only processors older than AVX2 (2013) run these; -Os takes 3 kB off them.
list(FILTER EDGEDF_KERNEL_SOURCES EXCLUDE REGEX "crop_sse41")
list(REMOVE_ITEM EDGEDF_OTHER_SOURCES ${EDGEDF_KERNEL_SOURCES})

add_library(edgedf_run_kernels OBJECT ${EDGEDF_KERNEL_SOURCES})
add_executable(edgedf-run tools/edgedf_run.c tools/run_options.c ${EDGEDF_OTHER_SOURCES}
                          $<TARGET_OBJECTS:edgedf_run_kernels>)
foreach(part edgedf_run_kernels edgedf-run)
  target_link_libraries(${part} PRIVATE edgedf_flags)
  # Nothing is exported, wherever the headers say so.
  target_compile_definitions(${part} PRIVATE EDGEDF_API= $<$<NOT:$<BOOL:${EDGEDF_RUN_AVX512}>>:EDGEDF_WITHOUT_AVX512>)
endforeach()

# A build with sanitizers keeps what they need to say where a mistake is.
if(NOT MSVC AND NOT EDGEDF_SANITIZE AND CMAKE_BUILD_TYPE STREQUAL "Release")
  set(EDGEDF_SMALL -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables)
  target_compile_options(edgedf_run_kernels PRIVATE -O2 ${EDGEDF_SMALL})
  target_compile_options(edgedf-run PRIVATE -Os ${EDGEDF_SMALL})
  if(APPLE)
    target_link_options(edgedf-run PRIVATE -Wl,-dead_strip -Wl,-x)
  else()
    # Tables of addresses that are read-only once a program has started (RELRO) must end where a page does: up to a page
    # of padding, 16 KiB on arm64, for 1.5 kB of them. They stay writable here: RELRO makes a write out of bounds less
    # useful, and such writes are what sanitizers and fuzzers look for. Addresses stay random, the stack not executable.
    target_link_options(edgedf-run PRIVATE -s -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,-z,norelro)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
      # Linkers pad to pages of 64 KiB; no phone or Raspberry Pi has pages above 16, and some have those.
      target_link_options(edgedf-run PRIVATE -Wl,-z,max-page-size=16384)
    endif()
  endif()
endif()
