# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guest agent: commands and files in a VM over a virtio-serial port, so it works when the guest's network is cut.

One connection per call: QEMU serves one client of the port at a time and tests, threads and `bed run` take turns on it.
Each connection begins with guest-sync-delimited, which throws away what an earlier, timed-out call left behind.
"""

import base64
import json
import random
import threading
import time

from . import unixsock

CHUNK_BYTES = 512 * 1024


class GuestTimeout(TimeoutError):
    """The guest did not answer in time: frozen, dead, or its agent is stuck."""


class GuestError(RuntimeError):
    """The agent answered with an error."""


class Agent:
    def __init__(self, path, name):
        self.path = path
        self.name = name
        self._turn = threading.Lock()

    def ping(self, timeout_s=2):
        self._call("guest-ping", time.monotonic() + timeout_s)

    def run(self, argv, timeout_s, stdin=b""):
        """Run `argv` in the guest; returns (exit code, stdout, stderr). GuestTimeout after `timeout_s`; the command is then
        left to itself. A child that stays behind with the command's stdout open counts as the command still running."""
        deadline = time.monotonic() + timeout_s
        start = {"path": argv[0], "arg": argv[1:], "capture-output": True}
        if stdin:
            start["input-data"] = base64.b64encode(stdin).decode()
        pid = self._call("guest-exec", deadline, **start)["pid"]
        nap_s = 0.01
        while True:
            state = self._call("guest-exec-status", deadline, pid=pid)
            if state["exited"]:
                break
            if time.monotonic() + nap_s > deadline:
                raise GuestTimeout(f"{self.name}: '{' '.join(argv)}' still runs after {timeout_s:.0f} s")
            time.sleep(nap_s)
            nap_s = min(nap_s * 1.5, 0.25)
        code = state.get("exitcode")
        if code is None:
            code = 128 + state.get("signal", 0)
        return code, *(base64.b64decode(state.get(k, "")) for k in ("out-data", "err-data"))

    def put(self, path, data, timeout_s):
        deadline = time.monotonic() + timeout_s
        handle = self._call("guest-file-open", deadline, path=path, mode="w")
        try:
            for at in range(0, len(data), CHUNK_BYTES):
                piece = base64.b64encode(data[at:at + CHUNK_BYTES]).decode()
                self._call("guest-file-write", deadline, **{"handle": handle, "buf-b64": piece})
        finally:
            self._call("guest-file-close", deadline, handle=handle)

    def get(self, path, timeout_s):
        deadline = time.monotonic() + timeout_s
        handle = self._call("guest-file-open", deadline, path=path, mode="r")
        try:
            data = b""
            while True:
                piece = self._call("guest-file-read", deadline, handle=handle, count=CHUNK_BYTES)
                data += base64.b64decode(piece["buf-b64"])
                if piece["eof"]:
                    return data
        finally:
            self._call("guest-file-close", deadline, handle=handle)

    def _call(self, command, deadline, **arguments):
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not self._turn.acquire(timeout=left_s):
            raise GuestTimeout(f"{self.name}: no time left for {command}")
        try:
            with self._connect(deadline) as sock:
                _send(sock, command, arguments)
                answer = json.loads(_read_line(sock, deadline))
        except (TimeoutError, ConnectionError, FileNotFoundError, BlockingIOError) as e:  # the last: QEMU has not accepted the callers before
            raise GuestTimeout(f"{self.name}: no answer to {command}: {e}") from e
        finally:
            self._turn.release()
        if "error" in answer:
            raise GuestError(f"{self.name}: {command}: {answer['error']['desc']}")
        return answer["return"]

    def _connect(self, deadline):
        sock = unixsock.connect(self.path, max(deadline - time.monotonic(), 0.1))
        try:
            token = random.randrange(1, 2**31)
            sock.sendall(b"\xff" + json.dumps({"execute": "guest-sync-delimited", "arguments": {"id": token}}).encode() + b"\n")
            while True:
                line = _read_line(sock, deadline)
                # Answers to a caller that gave up (while the guest booted) may come in the same piece: those lie before ours, or behind another mark.
                _, mark, tail = line.rpartition(b"\xff")
                if mark and json.loads(tail.splitlines()[0]).get("return") == token:
                    return sock
        except BaseException:
            sock.close()
            raise


def _send(sock, command, arguments):
    sock.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")


def _read_line(sock, deadline):
    line = bytearray()
    while not line.endswith(b"\n"):
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("time is up")
        sock.settimeout(left_s)
        piece = sock.recv(1 << 20)
        if not piece:
            raise ConnectionResetError("the port hung up")
        line += piece
    return bytes(line)
