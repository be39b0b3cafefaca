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
# What new plugins are made from, and the same where it is built.
install(DIRECTORY plugins/template plugins/template-provenance DESTINATION ${CMAKE_INSTALL_DATADIR}/domed COMPONENT dev)
install(PROGRAMS plugins/new-plugin RENAME domed-new-plugin DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT dev)
file(MAKE_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/plugins/new-plugin ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/domed-new-plugin SYMBOLIC)
if(DOMED_SDK_ONLY)
  return()
endif()
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

# Manual pages from docs/ and from what the programs say of themselves, where there is lowdown.
find_program(LOWDOWN lowdown)
if(LOWDOWN)
  set(man_for domed domectl)
  foreach(program domed-conformance domed-console)
    if(TARGET ${program})
      list(APPEND man_for ${program})
    endif()
  endforeach()
  add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/man/stamp
    COMMAND ${PROJECT_SOURCE_DIR}/packaging/man ${PROJECT_SOURCE_DIR} $<TARGET_FILE_DIR:domed> ${PROJECT_BINARY_DIR}/man
    COMMAND ${CMAKE_COMMAND} -E touch ${PROJECT_BINARY_DIR}/man/stamp
    DEPENDS ${man_for} packaging/man docs/configuration.md docs/protocol.md docs/contract.md)
  add_custom_target(man ALL DEPENDS ${PROJECT_BINARY_DIR}/man/stamp)
  install(DIRECTORY ${PROJECT_BINARY_DIR}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}
    FILES_MATCHING PATTERN "*.gz" PATTERN "domed-conformance*" EXCLUDE PATTERN "domed-new-plugin*" EXCLUDE
    PATTERN "domed-console*" EXCLUDE)
  install(FILES ${PROJECT_BINARY_DIR}/man/man1/domed-console.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
    COMPONENT console OPTIONAL)
  install(FILES ${PROJECT_BINARY_DIR}/man/man1/domed-conformance.1.gz ${PROJECT_BINARY_DIR}/man/man1/domed-new-plugin.1.gz
    DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT dev OPTIONAL)
endif()

# Completion, as domectl itself prints it.
foreach(shell bash zsh fish)
  list(APPEND completions ${PROJECT_BINARY_DIR}/completion/${shell})
  add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/completion/${shell}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/completion
    COMMAND domectl completion ${shell} >${PROJECT_BINARY_DIR}/completion/${shell} DEPENDS domectl)
endforeach()
add_custom_target(completions ALL DEPENDS ${completions})
install(FILES ${PROJECT_BINARY_DIR}/completion/bash RENAME domectl DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${PROJECT_BINARY_DIR}/completion/zsh RENAME _domectl DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES ${PROJECT_BINARY_DIR}/completion/fish RENAME domectl.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
