# .debs by CPack: domed, which runs, domed-dev, which plugins are made with, domed-console, the page, and domed-store-postgres, apart for
# its libpq.  scripts/packages builds them as they are meant: with the paths of the system, and bytes that depend on the source alone.
foreach(unit domed.service user/domed.service)
  file(READ packaging/systemd/${unit} text)
  string(REPLACE "@bin@" "${CMAKE_INSTALL_FULL_BINDIR}" text "${text}")
  string(REPLACE "@etc@" "${CMAKE_INSTALL_FULL_SYSCONFDIR}" text "${text}")
  file(CONFIGURE OUTPUT systemd/${unit} CONTENT "${text}" @ONLY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS packaging/systemd/${unit})
endforeach()
install(FILES ${PROJECT_BINARY_DIR}/systemd/domed.service DESTINATION lib/systemd/system)
install(FILES ${PROJECT_BINARY_DIR}/systemd/user/domed.service DESTINATION lib/systemd/user)
install(FILES packaging/systemd/sysusers.conf RENAME domed.conf DESTINATION lib/sysusers.d)
install(FILES packaging/systemd/tmpfiles.conf RENAME domed.conf DESTINATION lib/tmpfiles.d)
install(DIRECTORY packaging/monitoring DESTINATION ${CMAKE_INSTALL_DATADIR}/domed)

file(STRINGS /etc/os-release release REGEX "^VERSION_ID=")
string(REGEX REPLACE "[^0-9]" "" release "${release}")
# 0.1.0-1~deb12 < 0.1.0-1~deb13: an upgrade of the system brings the one that was built for it.
set(DOMED_DEB_REVISION "1~deb${release}" CACHE STRING "Revision of the packages")

# Who publishes the packages answers for them.
set(DOMED_DEB_MAINTAINER "The domed authors <domed@localhost>" CACHE STRING "Maintainer of the packages")

set(components domed dev)
if(DOMED_CONSOLE)
  list(APPEND components console)
endif()
if(TARGET store-postgres)
  list(APPEND components store-postgres)
endif()

# What Debian's policy wants beside the files, compressed alike at any time.
find_program(GZIP gzip)
if(GZIP AND EXISTS /etc/debian_version)
  string(TIMESTAMP day "%a, %d %b %Y %H:%M:%S +0000" UTC)  # SOURCE_DATE_EPOCH where it is set
  foreach(component ${components})
    set(package domed-${component})
    if(component STREQUAL "domed")
      set(package domed)
    endif()
    set(doc ${PROJECT_BINARY_DIR}/packaging/${package})
    file(MAKE_DIRECTORY ${doc})
    file(WRITE ${doc}/changelog.Debian "domed (${PROJECT_VERSION}-${DOMED_DEB_REVISION}) unstable; urgency=medium\n\n"
      "  * See changelog.gz.\n\n -- ${DOMED_DEB_MAINTAINER}  ${day}\n")
    execute_process(COMMAND ${GZIP} -9nc ${doc}/changelog.Debian OUTPUT_FILE ${doc}/changelog.Debian.gz)
    execute_process(COMMAND ${GZIP} -9nc ${PROJECT_SOURCE_DIR}/CHANGELOG.md OUTPUT_FILE ${doc}/changelog.gz)
    install(FILES ${doc}/changelog.Debian.gz ${doc}/changelog.gz packaging/debian/copyright
      DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${component})
  endforeach()
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME domed)
set(CPACK_PACKAGE_CONTACT ${DOMED_DEB_MAINTAINER})
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_SET_DESTDIR ON)  # configuration lies outside of the prefix
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL ${components})
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_DEBIAN_PACKAGE_RELEASE ${DOMED_DEB_REVISION})
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_DEBIAN_DOMED_PACKAGE_NAME domed)
set(CPACK_DEBIAN_DOMED_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_DOMED_PACKAGE_SHLIBDEPS ON)
# systemd provides both; without it they are small programs.
set(CPACK_DEBIAN_DOMED_PACKAGE_DEPENDS
  "systemd-standalone-sysusers | systemd-sysusers, systemd-standalone-tmpfiles | systemd-tmpfiles")
set(CPACK_DEBIAN_DOMED_PACKAGE_RECOMMENDS git)
set(CPACK_DEBIAN_DOMED_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/packaging/debian/postinst
  ${PROJECT_SOURCE_DIR}/packaging/debian/prerm ${PROJECT_SOURCE_DIR}/packaging/debian/postrm
  ${PROJECT_SOURCE_DIR}/packaging/debian/conffiles)
set(CPACK_COMPONENT_DOMED_DESCRIPTION "job events that are never lost, repeated or reordered
A daemon that runs jobs and numbers every event of a job 1, 2, 3, ...
across disconnects, crashes and changes of store. A follow resumes exactly
where it broke off and ends by itself with the job. For every run it tells
which code, tools and machine produced it.
.
This package has the daemon domed, its command line domectl, and stores and
collectors of provenance as plugins.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME domed-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "nettle-dev, pkg-config | pkgconf")
set(CPACK_DEBIAN_DEV_PACKAGE_RECOMMENDS "cmake, g++, domed (= ${PROJECT_VERSION}-${DOMED_DEB_REVISION})")
set(CPACK_COMPONENT_DEV_DESCRIPTION "plugins for domed: headers, template, conformance suite
What the author of a store or a collector for domed needs: the headers of
the plugin boundary, a CMake package, helpers to link (programs with limits,
hashes), domed-new-plugin, which makes a project to start from, and
domed-conformance, the suite that judges any plugin.")
set(CPACK_DEBIAN_CONSOLE_PACKAGE_NAME domed-console)
set(CPACK_DEBIAN_CONSOLE_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_CONSOLE_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_CONSOLE_PACKAGE_SUGGESTS domed)
set(CPACK_COMPONENT_CONSOLE_DESCRIPTION "jobs of domed in the browser
A web server for one user or a team: jobs of domed daemons live, logs of any
length with a link for each line, provenance, timeline and statistics. It
needs no other host, and lets in who knows its secret or a daemon's token.")
set(CPACK_DEBIAN_STORE-POSTGRES_PACKAGE_NAME domed-store-postgres)
set(CPACK_DEBIAN_STORE-POSTGRES_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_STORE-POSTGRES_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_STORE-POSTGRES_PACKAGE_DEPENDS "domed (= ${PROJECT_VERSION}-${DOMED_DEB_REVISION})")
set(CPACK_COMPONENT_STORE-POSTGRES_DESCRIPTION "jobs of domed in a PostgreSQL database
A store for the daemon domed that keeps jobs and their events on a
PostgreSQL server, which may be on another machine. A daemon elsewhere takes
over what one left behind.")
include(CPack)
