#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The power switch of the bed, as a management network would have it: fence.py ADDRESS PORT FOLDER.

A line "off NAME", "on NAME" or "status NAME" is answered by "on", "off" or "error TEXT". It asks QEMU's monitor and ends the machine by it; the machine's disks lose
their caches with it.
"""

import socketserver
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "vm"))

from vmbed import qmp
from vmbed.vm import Vm


def order(folder, word, name):
    vm = Vm.load(folder / name)
    if word == "off":
        try:
            qmp.command(vm.folder / "qmp.sock", "quit", timeout_s=2)
        except (OSError, RuntimeError):
            pass  # already gone, or as good as that
        vm.power_cut()
    elif word == "on" and not vm.running():
        vm.boot()
    return "on" if vm.running() else "off"


def main():
    address, port, folder = sys.argv[1:4]

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            try:
                word, name = self.rfile.readline().decode().split()
                answer = order(Path(folder), word, name)
            except (OSError, RuntimeError, ValueError, TimeoutError) as error:
                answer = f"error {error}"
            self.wfile.write(f"{answer}\n".encode())

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer((address, int(port)), Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
