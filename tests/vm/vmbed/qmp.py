# SPDX-License-Identifier: LGPL-2.1-or-later
"""QEMU's monitor (QMP): one command per connection, because QEMU serves one client at a time and tests come and go."""

import json

from . import unixsock


class QmpError(RuntimeError):
    pass


def command(path, name, timeout_s=10, **arguments):
    """Run one QMP command at the socket `path` and return its "return" value."""
    with unixsock.connect(path, timeout_s) as sock, sock.makefile("rw") as stream:
        _read(stream, "QMP")
        for execute, args in (("qmp_capabilities", {}), (name, arguments)):
            stream.write(json.dumps({"execute": execute, "arguments": args}) + "\n")
            stream.flush()
            answer = _read(stream, "return")
        return answer


def _read(stream, key):
    """Skip events until a message with `key` comes."""
    for line in stream:
        message = json.loads(line)
        if "error" in message:
            raise QmpError(message["error"]["desc"])
        if key in message:
            return message[key]
    raise QmpError("the monitor hung up")
