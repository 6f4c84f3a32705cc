# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of the 0.2 protocol, written from docs/CLASSIC.md and not from the server's code."""
import hashlib
import hmac
import os
import socket
import struct

REQUEST, REPLY = 0x12560953, 0x96744668
IDENTITY, SIZE, UNAVAILABLE, VERSION, BUSY = range(1, 6)


class Denied(Exception):
    def __init__(self, reason):
        super().__init__("denied: %d" % reason)
        self.reason = reason


def client_proof(secret, id, client_nonce, server_nonce):
    text = b"nbdd-0.2 client " + struct.pack(">Q", id) + client_nonce + server_nonce + struct.pack(">IQ", 0, 0)
    return hmac.new(secret, text, hashlib.sha256).digest()


def server_proof(secret, id, client_nonce, server_nonce, flags, size):
    text = b"nbdd-0.2 server " + struct.pack(">Q", id) + client_nonce + server_nonce + struct.pack(">IQ", flags, size)
    return hmac.new(secret, text, hashlib.sha256).digest()


class Classic:
    def __init__(self, port, id=None, secret=None, timeout=20):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout)
        if id is not None:
            self.initiate(id, secret)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def take(self, n):
        data = b""
        while len(data) < n:
            part = self.sock.recv(n - len(data))
            if not part:
                raise ConnectionResetError("closed after %d of %d bytes" % (len(data), n))
            data += part
        return data

    def closed(self):
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def identify(self, id, version=2):
        self.nonce = os.urandom(32)
        self.send(b"NBDI" + struct.pack(">IQ", version, id) + self.nonce)

    def challenge(self):
        magic, zero, nonce = struct.unpack(">4sI32s", self.take(40))
        assert (magic, zero) == (b"NBDC", 0), (magic, zero)
        return nonce

    def verdict(self):
        magic, value = struct.unpack(">4sI", self.take(8))
        if magic == b"NBDD":
            raise Denied(value)
        assert magic == b"NBDA", magic
        self.flags = value
        self.size, proof = struct.unpack(">Q32s", self.take(40))
        return proof

    def initiate(self, id, secret):
        self.identify(id)
        theirs = self.challenge()
        self.send(b"NBDR" + bytes(4) + client_proof(secret, id, self.nonce, theirs))
        proof = self.verdict()
        assert proof == server_proof(secret, id, self.nonce, theirs, self.flags, self.size), "the server has not proved itself"

    def request(self, type, offset, length, handle, data=b""):
        self.send(struct.pack(">IIIQI", REQUEST, offset, length, handle, type) + data)

    def reply(self):
        magic, handle, error = struct.unpack(">IQI", self.take(16))
        assert magic == REPLY, hex(magic)
        return handle, error

    def read(self, offset, length, handle=7):
        self.request(0, offset, length, handle)
        got = self.reply()
        assert got == (handle, 0), got
        return self.take(length)

    def write(self, offset, data, handle=8):
        self.request(1, offset, len(data), handle, data)
        return self.reply()
