# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keys and certificates of one's own, and a raw NBD client that speaks TLS."""
import os
import ssl
import subprocess

from nbdlib import *

ERR_TLS_REQD = ERR | 5
KEYS = {"alice": "11" * 32, "bob": "22" * 32}


def secret(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(text)
    return path


def psk_file(folder, name="keys.psk", keys=KEYS):
    return secret(os.path.join(folder, name), "".join("%s:%s\n" % pair for pair in keys.items()))


def certtool(*args):
    r = subprocess.run(["certtool"] + list(args), capture_output=True, text=True)
    assert r.returncode == 0, r.stderr


class Authority:
    """A P-256 CA in `folder`, in the names that libnbd and qemu look for."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.ca = self.path("ca-cert.pem")
        self.new_key("ca-key.pem")
        self.template("ca.cfg", "cn = test CA\nca\ncert_signing_key\nexpiration_days = 2\n")
        certtool("--generate-self-signed", "--load-privkey", self.path("ca-key.pem"), "--template", self.path("ca.cfg"), "--outfile", self.ca)

    def path(self, name):
        return os.path.join(self.folder, name)

    def new_key(self, name):
        certtool("--generate-privkey", "--key-type=ecdsa", "--curve=secp256r1", "--outfile", self.path(name))
        os.chmod(self.path(name), 0o600)

    def template(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def issue(self, kind, cn, more=""):
        """kind is "server" or "client"; (certificate, key)."""
        cert, key = "%s-cert.pem" % kind, "%s-key.pem" % kind
        self.new_key(key)
        self.template(kind + ".cfg", "cn = %s\ntls_www_%s\nsigning_key\nexpiration_days = 2\n%s" % (cn, kind, more))
        certtool("--generate-certificate", "--load-privkey", self.path(key), "--load-ca-certificate", self.ca,
                 "--load-ca-privkey", self.path("ca-key.pem"), "--template", self.path(kind + ".cfg"), "--outfile", self.path(cert))
        return self.path(cert), self.path(key)

    def context(self, with_certificate=True):
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=self.ca)
        if with_certificate:
            context.load_cert_chain(self.path("client-cert.pem"), self.path("client-key.pem"))
        return context


class TLSClient(Client):
    def __init__(self, server, context, name=None, host="localhost", timeout=20):
        super().__init__(server, timeout=timeout)
        self.greet()
        assert self.option(OPT_STARTTLS) == [(REP_ACK, b"")]
        self.sock = context.wrap_socket(self.sock, server_hostname=host)
        if name is not None:
            self.go(name)
