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
# Below the prefix, whatever it is; packages say -DCMAKE_INSTALL_SYSCONFDIR=/etc.
file(GLOB deployments CONFIGURE_DEPENDS config/*.yaml)
foreach(deployment IN LISTS deployments)
  # Editors look for the schema where it is installed.
  cmake_path(GET deployment FILENAME file)
  file(READ ${deployment} text)
  string(REPLACE "../docs/deployment.schema.json" "${CMAKE_INSTALL_FULL_DATADIR}/domed/deployment.schema.json" text "${text}")
  file(CONFIGURE OUTPUT config/${file} CONTENT "${text}" @ONLY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${deployment})
endforeach()
install(FILES ${PROJECT_BINARY_DIR}/config/domed.yaml ${PROJECT_BINARY_DIR}/config/system.yaml
  DESTINATION ${CMAKE_INSTALL_SYSCONFDIR}/domed)
install(FILES docs/deployment.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/domed)
install(DIRECTORY ${PROJECT_BINARY_DIR}/config/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples FILES_MATCHING PATTERN "*.yaml")
