# domed_room(<name> SOURCES <file>... [USES <room>...] [LIBRARIES <target>...] [IN <path>])
#
# A room of the house: the folder that calls this, as the library domed-<name>.  Its headers are
# included as "<path>/<file>.h" ("<name>" where IN is not given), and are found only by what names the
# room in its USES: each room has a door of its own, a directory with nothing in it but a link to the
# folder.  A room that includes a header of one above it, or forgets to say what it uses, does not compile.
function(domed_room name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "IN" "SOURCES;USES;LIBRARIES")
  if(NOT arg_IN)
    set(arg_IN ${name})
  endif()
  add_library(domed-${name} STATIC ${arg_SOURCES})
  domed_door(domed-${name} ${arg_IN} PUBLIC)
  list(TRANSFORM arg_USES PREPEND domed-)
  target_link_libraries(domed-${name} PUBLIC domed::plugin ${arg_USES} ${arg_LIBRARIES})
endfunction()

# Lets "target" include this folder's headers as "path"/NAME.h.
function(domed_door target path scope)
  set(door ${PROJECT_BINARY_DIR}/rooms/${target})
  cmake_path(GET path PARENT_PATH parent)
  file(MAKE_DIRECTORY ${door}/${parent})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${door}/${path} SYMBOLIC)
  target_include_directories(${target} ${scope} ${door})
endfunction()
