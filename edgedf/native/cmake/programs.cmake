# Test programs and fuzz targets; not part of any install. cmake/engine.cmake may append to these two lists.
list(APPEND EDGEDF_TEST_PROGRAMS tests/crop_vectors.c tests/crop_random.c)
list(APPEND EDGEDF_FUZZ_TARGETS fuzz/fuzz_crop.c fuzz/fuzz_crop_sizes.c fuzz/fuzz_model_coder.c fuzz/fuzz_model_numbers.c)

if(EDGEDF_FUZZ)
  # The library gets coverage, the targets get libFuzzer's main.
  target_compile_options(edgedf_objects PRIVATE -fsanitize=fuzzer-no-link)
  # The crop compares pixels and columns, not magic numbers: watching that is four fifths of its target's time.
  set_source_files_properties(${EDGEDF_CROP_SOURCES} PROPERTIES COMPILE_OPTIONS -fno-sanitize-coverage=trace-cmp)
endif()

foreach(source IN LISTS EDGEDF_TEST_PROGRAMS)
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE edgedf_static edgedf_flags)
endforeach()

foreach(source IN LISTS EDGEDF_FUZZ_TARGETS)
  get_filename_component(name ${source} NAME_WE)
  if(EDGEDF_FUZZ)
    add_executable(${name} ${source})
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} ${source} fuzz/replay.c)
  endif()
  target_link_libraries(${name} PRIVATE edgedf_static edgedf_flags)
endforeach()
