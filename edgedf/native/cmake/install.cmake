# What `cmake --install` copies: for Python one library beside its loader, for C the headers, both libraries and a
# CMake package, so that find_package(edgedf) gives the targets edgedf::edgedf (static) and edgedf::edgedf_shared.
if(EDGEDF_PYTHON)
  install(TARGETS edgedf_shared LIBRARY DESTINATION edgedf/native RUNTIME DESTINATION edgedf/native)
  return()
endif()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/edgedf)
set_target_properties(edgedf_shared PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
install(TARGETS edgedf_static edgedf_shared EXPORT edgedf_targets)
install(DIRECTORY include/edgedf DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT edgedf_targets NAMESPACE edgedf:: FILE edgedf-targets.cmake DESTINATION ${package})
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/edgedf-config.cmake
     "include(CMakeFindDependencyMacro)\nset(THREADS_PREFER_PTHREAD_FLAG ON)\nfind_dependency(Threads)\n"
     "include(\${CMAKE_CURRENT_LIST_DIR}/edgedf-targets.cmake)\n")
# Before 1.0 a minor version may change anything.
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/edgedf-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/edgedf-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/edgedf-config-version.cmake DESTINATION ${package})
