// Guards against three defects of nng as packaged (1.5.2).  Linked into every
// program of ours: the library's own calls then resolve to the executable's
// definitions first.  Each is active only for the versions that need it, and
// tests/transport shows the defect without and its absence with the guard.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <nng/nng.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static bool epipe_kills_listener;   // nng #1518, mended in 1.6.0
static bool closed_aio_is_dropped;  // up to 1.8, and again in 1.12
static void (*real_recv)(nng_stream*, nng_aio*);
static void (*real_send)(nng_stream*, nng_aio*);

__attribute__((constructor)) static void choose_guards(void) {
  int major = 0, minor = 0;
  if (sscanf(nng_version(), "%d.%d", &major, &minor) == 2 && major == 1) {
    epipe_kills_listener = minor < 6;
    closed_aio_is_dropped = minor < 9 || minor == 12;
  }
  *(void**)&real_recv = dlsym(RTLD_NEXT, "nng_stream_recv");
  *(void**)&real_send = dlsym(RTLD_NEXT, "nng_stream_send");
}

// A peer that goes away during the handshake gives EPIPE, which nng takes for
// "listener closed": it would never accept again.
static ssize_t without_epipe(ssize_t result) {
  if (result < 0 && errno == EPIPE && epipe_kills_listener) errno = ECONNRESET;
  return result;
}

ssize_t sendmsg(int fd, const struct msghdr* message, int flags) {
  return without_epipe(syscall(SYS_sendmsg, fd, message, flags));
}

ssize_t readv(int fd, const struct iovec* parts, int count) {
  return without_epipe(syscall(SYS_readv, fd, parts, count));
}

// A stream operation on an aio that is closed already is dropped without its
// completion; the reaper would wait for it for ever, leaking pipe and descriptor.
static void finish_dropped(nng_aio* aio) {
  if (closed_aio_is_dropped && nng_aio_result(aio) == NNG_ECANCELED)
    nng_aio_finish(aio, NNG_ECLOSED);
}

void nng_stream_recv(nng_stream* stream, nng_aio* aio) {
  real_recv(stream, aio);
  finish_dropped(aio);
}

void nng_stream_send(nng_stream* stream, nng_aio* aio) {
  real_send(stream, aio);
  finish_dropped(aio);
}

// A listener over ipc that is closed removes whatever lies at its path by then, be it
// the socket of another daemon that took the place.  Linked without the transport, a
// program has no listeners to ask about.
__attribute__((weak)) bool domed_may_unlink(const char* path);

int unlink(const char* path) {
  if (domed_may_unlink && !domed_may_unlink(path)) {
    errno = EPERM;
    return -1;
  }
  return unlinkat(AT_FDCWD, path, 0);
}
