# domed_add_plugin(<name> SOURCES <file>... [LIBRARIES <target>...] [CONFORMANCE_ARGS <argument>...]
#                  [CONFORMANCE_BY <program> <argument>...] [COMPONENT <component>])
#
# Builds plugin <name> from SOURCES and the manifest <name>.yaml beside the
# calling CMakeLists.txt, puts and installs both side by side, and registers
# the conformance suite as the test "conformance.<name>", which leaves its results
# as JUnit XML in conformance.<name>.xml; CONFORMANCE_ARGS are further arguments of
# domed-conformance, such as --set and --cleanup.  With CONFORMANCE_BY the suite is run by a
# program, which gets its command line behind its own arguments: one that starts a server, and
# says by status 77 that there is none to start.  COMPONENT is the one that installs it, for a
# package of its own.  The manifest is the
# one place that states name, kind and version: they are compiled into the
# library, and the kernel refuses a library whose copy differs.
function(domed_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "COMPONENT" "SOURCES;LIBRARIES;CONFORMANCE_ARGS;CONFORMANCE_BY")
  set(manifest ${CMAKE_CURRENT_SOURCE_DIR}/${name}.yaml)
  if(NOT EXISTS ${manifest})
    message(FATAL_ERROR "domed_add_plugin(${name}): no ${name}.yaml in ${CMAKE_CURRENT_SOURCE_DIR}")
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${manifest})
  file(STRINGS ${manifest} lines REGEX "^(name|kind|version|abi): *")
  foreach(line IN LISTS lines)
    string(REGEX MATCH "^([a-z]+): *[\"']?([^\"']+)[\"']?$" _ "${line}")
    set(manifest_${CMAKE_MATCH_1} "${CMAKE_MATCH_2}")
  endforeach()
  if(NOT manifest_name STREQUAL name)
    message(FATAL_ERROR "${manifest}: name is '${manifest_name}', expected '${name}'")
  endif()
  if(NOT DOMED_ABI MATCHES "^${manifest_abi}\\.")
    message(FATAL_ERROR "${manifest}: abi is ${manifest_abi}, these headers are ${DOMED_ABI}")
  endif()

  add_library(${name} MODULE ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE domed::plugin ${arg_LIBRARIES})
  target_compile_features(${name} PRIVATE cxx_std_20)
  target_compile_definitions(${name} PRIVATE
    DOMED_PLUGIN_NAME="${manifest_name}"
    DOMED_PLUGIN_KIND="${manifest_kind}"
    DOMED_PLUGIN_VERSION="${manifest_version}")
  set_target_properties(${name} PROPERTIES
    PREFIX "" CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS ${DOMED_PLUGIN_MAP})
  if(DOMED_PLUGIN_OUTPUT)
    set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${DOMED_PLUGIN_OUTPUT})
  endif()
  # One exported symbol; nothing left undefined (sanitizers resolve at run time).
  target_link_options(${name} PRIVATE LINKER:--version-script=${DOMED_PLUGIN_MAP})
  if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    target_link_options(${name} PRIVATE LINKER:-z,defs)
  endif()

  add_custom_command(TARGET ${name} POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E copy_if_different ${manifest} $<TARGET_FILE_DIR:${name}>)
  set(component)
  if(arg_COMPONENT)
    set(component COMPONENT ${arg_COMPONENT})
  endif()
  install(TARGETS ${name} LIBRARY DESTINATION ${DOMED_PLUGIN_DIR} ${component})
  install(FILES ${manifest} DESTINATION ${DOMED_PLUGIN_DIR} ${component})

  if(BUILD_TESTING AND TARGET domed::conformance)
    add_test(NAME conformance.${name}
      COMMAND ${arg_CONFORMANCE_BY} $<TARGET_FILE:domed::conformance> --plugin $<TARGET_FILE_DIR:${name}>/${name}.yaml --strict
        --junit ${CMAKE_CURRENT_BINARY_DIR}/conformance.${name}.xml ${arg_CONFORMANCE_ARGS})
    if(arg_CONFORMANCE_BY)
      set_tests_properties(conformance.${name} PROPERTIES SKIP_RETURN_CODE 77)
    endif()
  endif()
endfunction()
