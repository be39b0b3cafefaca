"""Certificates for tests, made by openssl: an authority, ``server`` of 127.0.0.1, and the client ``ci``."""

from __future__ import annotations

import shutil
import subprocess
import unittest
from pathlib import Path

needs_openssl = unittest.skipUnless(shutil.which("openssl"), "openssl makes the certificates")


def make(directory: str) -> None:
    """ca.pem, server.pem, server.key, ci.pem, ci.key."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test", "-days", "2")
    for name, extension in (("server", "subjectAltName=IP:127.0.0.1"), ("ci", "subjectAltName=DNS:ci\nextendedKeyUsage=clientAuth")):
        Path(directory, "ext").write_text(extension)
        openssl("req", *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", "ext", "-out", f"{name}.pem",
        )  # fmt: skip
