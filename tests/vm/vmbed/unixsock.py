# SPDX-License-Identifier: LGPL-2.1-or-later
"""Connect to a unix socket whose path may be longer than the 107 bytes that the kernel takes."""

import os
import socket
from pathlib import Path


def connect(path, timeout_s):
    path = Path(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sock.settimeout(timeout_s)
        sock.connect(f"/proc/self/fd/{folder}/{path.name}")
    except BaseException:
        sock.close()
        raise
    finally:
        os.close(folder)
    return sock
