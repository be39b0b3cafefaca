"""Where a daemon is, whether to trust it, and how to tell it who asks."""

from __future__ import annotations

import ipaddress
import os
import pwd
import re
import socket
import ssl
import struct
from dataclasses import dataclass, field
from typing import Any, Mapping

from .errors import InvalidRequest, Untrusted

_SEVERAL = re.compile(r",(?=[a-z0-9+]+://)")
_HOST_PORT = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<host>[^\[\]:/]+)):(?P<port>\d{1,5})/?")
_LONGEST_SOCKET_PATH = 107


@dataclass(frozen=True)
class Endpoint:
    """One URL of a daemon: ``ipc://PATH``, ``tcp://HOST:PORT`` or ``tls+tcp://HOST:PORT``."""

    url: str
    scheme: str
    path: str = ""
    host: str = ""
    port: int = 0

    @property
    def ipc(self) -> bool:
        return self.scheme == "ipc"


def endpoint_of(url: str) -> Endpoint:
    scheme, colon, rest = url.partition("://")
    if colon and scheme == "ipc":
        if not rest.startswith("/"):
            raise InvalidRequest(f"{url} is no absolute path: write ipc:///directory/name.ipc")
        if len(os.fsencode(rest)) > _LONGEST_SOCKET_PATH:
            raise InvalidRequest(f"the path of {url} is longer than {_LONGEST_SOCKET_PATH} bytes, the most of a socket's")
        return Endpoint(url, scheme, path=rest)
    match = _HOST_PORT.fullmatch(rest)
    if scheme in ("tcp", "tls+tcp") and match and int(match["port"]) < 65536:
        return Endpoint(url, scheme, host=match["six"] or match["host"], port=int(match["port"]))
    raise InvalidRequest(
        f"'{url}' is no endpoint of a daemon: there are ipc:///PATH, tcp://HOST:PORT and tls+tcp://HOST:PORT"
        + (" (ws:// is for browsers)" if scheme == "ws" else "")
    )


def endpoints_of(text: str) -> list[Endpoint]:
    """``URL,URL``: each of them, to be tried in this order.

    A comma that no scheme follows is part of its URL.
    """
    return [endpoint_of(url) for url in _SEVERAL.split(text)]


def reachable_url(url: str, endpoint: str) -> str:
    """ "url", which a daemon listens at, for who reached it at "endpoint": in the place of 0.0.0.0 and [::]
    stands the host there."""
    host, reached = _host_in(url), _host_in(endpoint)
    return url.replace(host, reached, 1) if reached and host in ("0.0.0.0", "[::]") else url


def _host_in(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return "" if scheme == "ipc" else rest.rpartition(":")[0]


def default_endpoint(environment: Mapping[str, str] = os.environ) -> str:
    """``DOMED_ENDPOINT``, else the control socket of the default deployment."""
    if given := environment.get("DOMED_ENDPOINT"):
        return given
    runtime = environment.get("XDG_RUNTIME_DIR")
    if runtime:
        if not runtime.startswith("/"):
            raise InvalidRequest(
                f"XDG_RUNTIME_DIR is no absolute path but '{runtime}': unset it, or name the daemon with DOMED_ENDPOINT"
            )
        return f"ipc://{runtime}/domed/control.ipc"
    # Never /tmp: whoever makes the directory first would be the daemon to everybody else.
    home = environment.get("HOME", "")
    if not home.startswith("/"):
        raise InvalidRequest(
            "neither XDG_RUNTIME_DIR nor HOME says where the daemon's socket is: name the daemon with DOMED_ENDPOINT"
        )
    return f"ipc://{home}/.local/state/domed/run/domed/control.ipc"


@dataclass
class Identity:
    """How a client tells who it is, and how it knows whom it talks to."""

    ca: str | None = None  # who signs daemons; None: whom the system trusts
    cert: str | None = None  # a client's certificate (PEM), and its key
    key: str | None = None
    token: str | None = field(default=None, repr=False)  # never sent over ipc
    user: int | None = None  # whose daemon over ipc, beside one's own and root's
    _context: ssl.SSLContext | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_environment(
        cls,
        ca: str | None = None,
        cert: str | None = None,
        key: str | None = None,
        token: str | None = None,
        token_file: str | None = None,
        user: str | int | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> Identity:
        """What is not given is taken from ``DOMED_CA``, ``DOMED_CERT``, ``DOMED_KEY``, ``DOMED_TOKEN``,
        ``DOMED_TOKEN_FILE`` and ``DOMED_ENDPOINT_USER``."""
        if token is None and token_file is None:
            token = environment.get("DOMED_TOKEN") or None
            token_file = environment.get("DOMED_TOKEN_FILE") or None
        if token is None and token_file is not None:
            with open(token_file, encoding="ascii") as file:
                token = file.read().strip()
            if not token:
                raise InvalidRequest(f"{token_file} holds no token")
        if user is None:
            user = environment.get("DOMED_ENDPOINT_USER") or None
        return cls(
            ca or environment.get("DOMED_CA") or None,
            cert or environment.get("DOMED_CERT") or None,
            key or environment.get("DOMED_KEY") or None,
            token,
            None if user is None else _user_of(user),
        )

    def tls(self) -> ssl.SSLContext:
        if self._context is None:
            context = ssl.create_default_context(cafile=self.ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            # Python 3.13 asks authorities for extensions that OpenSSL did not write until 3.2, and that neither the
            # daemon nor its other clients ask for: who may sign is decided by "ca" alone.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            if self.cert:
                context.load_cert_chain(self.cert, self.key)
            self._context = context
        return self._context

    def trusts(self, user: int) -> bool:
        return user in (0, os.geteuid(), self.user)

    def check_directory(self, endpoint: Endpoint) -> None:
        """The directory's owner decides who listens there.  Requests hold commands and tokens: nothing is
        sent on trust."""
        try:
            owner = os.stat(os.path.dirname(endpoint.path)).st_uid
        except OSError:
            return  # to connect will fail, and say why
        if not self.trusts(owner):
            raise Untrusted(_foreign(endpoint, "the directory of", owner))

    def check_peer(self, endpoint: Endpoint, connection: socket.socket) -> None:
        """Of a connection, before anything is sent: who listens there, and the directory once more."""
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, user, _ = struct.unpack("3i", peer)
        if not self.trusts(user):
            raise Untrusted(_foreign(endpoint, "the process that listens at", user))
        self.check_directory(endpoint)


    def check_token(self, endpoint: Endpoint, connection: socket.socket) -> None:
        """Of a connection over tcp, before the token is given to it: nobody owns a port, whoever was first
        has it."""
        if self.token is None:
            return
        peer = connection.getpeername()
        if not _mapped(peer[0]).is_loopback:
            raise Untrusted(
                f"{endpoint.url} would carry the token in clear over a network: no request was sent; write tls+tcp://, "
                "or give no token"
            )
        user = _user_at(peer, connection.getsockname())
        if user is None:
            raise Untrusted(
                f"the system does not say who listens at {endpoint.url}, and so who would get the token: no request was "
                "sent; use ipc or tls+tcp"
            )
        if not self.trusts(user):
            raise Untrusted(_foreign(endpoint, "the process that listens at", user))


def _mapped(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def _place(text: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    """As /proc/net/tcp has it: 32 bits at a time, each a number of this machine's own order."""
    address, _, port = text.partition(":")
    words = [int(address[at : at + 8], 16) for at in range(0, len(address), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return _mapped(socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, packed)), int(port, 16)


def _user_at(peer: tuple[Any, ...], ours: tuple[Any, ...]) -> int | None:
    """Whose process has the end "peer" of a connection of this machine; None: the system's table lacks it."""
    wanted = ((_mapped(peer[0]), peer[1]), (_mapped(ours[0]), ours[1]))
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as file:
                lines = file.readlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if (_place(words[1]), _place(words[2])) == wanted:
                return int(words[7])
    return None


def _user_of(user: str | int) -> int:
    if isinstance(user, int) or user.isdigit():
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise InvalidRequest(f"there is no user '{user}' on this machine: write the daemon's user") from None


def _foreign(endpoint: Endpoint, what: str, user: int) -> str:
    return (
        f"{what} {endpoint.url} belongs to user {user}, this program runs as {os.geteuid()}: nothing was sent; "
        "if that user's daemon is meant, say so with DOMED_ENDPOINT_USER"
    )
