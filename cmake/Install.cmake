# What a plugin author needs: headers, the CMake package, the pkg-config file.
configure_package_config_file(cmake/domedConfig.cmake.in domedConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/domed)
write_basic_package_version_file(domedConfigVersion.cmake COMPATIBILITY SameMinorVersion)
configure_file(cmake/domed.pc.in domed.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/domedConfig.cmake ${PROJECT_BINARY_DIR}/domedConfigVersion.cmake
  cmake/DomedPlugin.cmake cmake/plugin.map
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/domed COMPONENT dev)
install(EXPORT domedTargets NAMESPACE domed:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/domed COMPONENT dev)
install(FILES ${PROJECT_BINARY_DIR}/domed.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
install(FILES config/domed.yaml DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/domed)
