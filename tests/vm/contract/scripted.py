#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An NBD server without a handshake whose faults are in the block numbers, for the kernel contract suite: scripted.py ADDRESS PORT LOG

    block 1000 to 1999    never answered
    block 2000 to 2999    answered after 5 seconds
    block 3000 to 3999    EIO
    block 4000 to 4999    a write there: nothing more is read from this connection, as if the machine had frozen
    flush                 EIO while LOG.flush-fails exists

Each request is a line in LOG: connection number, command, block, seconds since the start.
"""

import os
import socket
import struct
import sys
import threading
import time

BLOCK, SIZE = 4096, 64 << 20
READ, WRITE, DISC, FLUSH = 0, 1, 2, 3
NAMES = {READ: "read", WRITE: "write", DISC: "disc", FLUSH: "flush"}


def take(sock, n):
    data = b""
    while len(data) < n:
        part = sock.recv(n - len(data))
        if not part:
            raise EOFError
        data += part
    return data


class Server:
    def __init__(self, address, port, log_path):
        self.listener = socket.create_server((address, port))
        self.log = open(log_path, "w", buffering=1)
        self.flush_fails = log_path + ".flush-fails"
        self.disk = bytearray(SIZE)
        self.begin = time.monotonic()

    def run(self):
        number = 0
        while True:
            sock, _ = self.listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(sock, number), daemon=True).start()
            number += 1

    def serve(self, sock, number):
        lock = threading.Lock()
        try:
            while True:
                _, _, command, cookie, offset, length = struct.unpack(">IHHQQI", take(sock, 28))
                if command == WRITE and offset // BLOCK // 1000 == 4:
                    threading.Event().wait()
                data = take(sock, length) if command == WRITE else b""
                self.log.write(f"{number} {NAMES.get(command, command)} {offset // BLOCK} {time.monotonic() - self.begin:.3f}\n")
                if command == DISC:
                    return
                if offset // BLOCK // 1000 == 2:
                    threading.Timer(5, self.answer, (sock, lock, command, cookie, offset, length, data)).start()
                elif offset // BLOCK // 1000 != 1 or command == FLUSH:
                    self.answer(sock, lock, command, cookie, offset, length, data)
        except (EOFError, OSError):
            pass
        finally:
            sock.close()

    def answer(self, sock, lock, command, cookie, offset, length, data):
        error = 5 if offset // BLOCK // 1000 == 3 or (command == FLUSH and os.path.exists(self.flush_fails)) else 0
        if command == WRITE and not error:
            self.disk[offset:offset + length] = data
        try:
            with lock:
                sock.sendall(struct.pack(">IIQ", 0x67446698, error, cookie) +
                             (bytes(self.disk[offset:offset + length]) if command == READ and not error else b""))
        except OSError:
            pass


if __name__ == "__main__":
    Server(sys.argv[1], int(sys.argv[2]), sys.argv[3]).run()
