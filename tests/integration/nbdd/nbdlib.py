# SPDX-License-Identifier: LGPL-2.1-or-later
"""A raw NBD client and an nbdd of one's own for the tests: nothing here is polite to the server unless asked."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("BUILD", "build")
NBDD = os.path.join(BUILD, "nbdd")
SLOW = 6 if os.path.basename(BUILD) in ("san", "tsan") else 1  # a sanitizer's build takes that much longer, on a busy machine

REQUEST_MAGIC, REPLY_MAGIC = 0x25609513, 0x67446698
IHAVEOPT, OPT_REPLY = 0x49484156454F5054, 0x3E889045565A9
READ, WRITE, DISC, FLUSH, TRIM, CACHE, WRITE_ZEROES, BLOCK_STATUS = range(8)
FUA, NO_HOLE, DF, REQ_ONE, FAST_ZERO = 1, 2, 4, 8, 16
OPT_EXPORT_NAME, OPT_ABORT, OPT_LIST, OPT_STARTTLS, OPT_INFO, OPT_GO, OPT_STRUCTURED = 1, 2, 3, 5, 6, 7, 8
REP_ACK, REP_SERVER, REP_INFO = 1, 2, 3
OPT_LIST_META, OPT_SET_META, REP_META = 9, 10, 4
ERR = 1 << 31
ERR_UNSUP, ERR_POLICY, ERR_INVALID, ERR_UNKNOWN, ERR_TOO_BIG = ERR | 1, ERR | 2, ERR | 3, ERR | 6, ERR | 9
EPERM, EIO, EINVAL, ENOSPC, ENOTSUP = 1, 5, 22, 28, 95
CHUNK_MAGIC, DONE = 0x668E33EF, 1
CHUNK_NONE, CHUNK_DATA, CHUNK_HOLE, CHUNK_STATUS, CHUNK_ERROR = 0, 1, 2, 5, 0x8001


def session_uuid(n):
    return "%08x-0000-4000-8000-%012x" % (n, n)


class UnixHTTP(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Server:
    """One nbdd with a folder, a port and a control socket of its own."""

    def __init__(self, env=None, args=(), folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix="nbdd-test-")
        self.owned = folder is None
        self.control = os.path.join(self.folder, "control.sock")
        self.log_path = os.path.join(self.folder, "log")
        self.env, self.args, self.process, self.port = env, list(args), None, 0
        self.start()

    def start(self):
        env = dict(os.environ, **(self.env or {}))
        if os.environ.get("NBDD_TEST_BACKEND"):  # for all tests, whatever they ask for
            env["NBDD_BACKEND"] = os.environ["NBDD_TEST_BACKEND"]
        log = open(self.log_path, "a")
        start = log.tell()
        self.process = subprocess.Popen(
            [NBDD, "--serve", "--listen", "127.0.0.1:%d" % self.port, "--control", self.control,
             "--state-dir", os.path.join(self.folder, "state")] + self.args,
            stdout=log, stderr=log, env=env)
        log.close()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            text = open(self.log_path).read()[start:]
            m = re.search(r"listening on 127\.0\.0\.1:(\d+)", text)
            if m and "control socket" in text:
                self.port = int(m.group(1))
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise AssertionError("nbdd did not start:\n" + self.log())

    def log(self):
        return open(self.log_path).read()

    def logs(self, words):
        """Wait for the words: what a client sees may come before what the log says of it."""
        self.wait("%r in the log:\n%s" % (words, self.log()), lambda: words in self.log())

    def stop(self, sig=signal.SIGTERM, timeout=30):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        code = self.process.wait(timeout)
        if sig == signal.SIGTERM:
            assert code == 0, "nbdd ended with %d:\n%s" % (code, self.log())
        for words in "Sanitizer", "runtime error:":  # of builds with SAN=1 or TSAN=1; also when it was killed
            assert words not in self.log(), self.log()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.stop()
        if self.owned:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if error[0]:
            sys.stderr.write("---- nbdd's log\n" + self.log()[-4000:] + "----\n")
        try:
            self.close()
        except Exception:
            if not error[0]:
                raise

    def api(self, method, path, body=None, timeout=20):
        c = UnixHTTP(self.control, timeout)
        c.request(method, path, json.dumps(body) if body is not None else None)
        r = c.getresponse()
        text = r.read()
        c.close()
        return r.status, json.loads(text) if text else None

    def ok(self, method, path, body=None, timeout=20):
        status, answer = self.api(method, path, body, timeout)
        assert status < 300, (status, answer)
        return answer

    def admin(self, *args):
        r = subprocess.run([NBDD, "--control", self.control] + list(args), capture_output=True, text=True, timeout=60)
        return r.returncode, r.stdout, r.stderr

    def file(self, name="disk", size=1 << 20):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.truncate(size)
        return path

    def export(self, id="0x1", name="disk", size=1 << 20, start=True, path=None, **more):
        path = path or self.file(name, size)
        self.ok("POST", "/v1/exports", dict(device=path, id=id, **more))
        if start:
            self.ok("POST", "/v1/exports/%s/start" % id)
        return path

    def state(self, id="0x1"):
        return self.ok("GET", "/v1/exports/%s" % id)

    def wait(self, what, condition, timeout=10):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if condition():
                return
            time.sleep(0.01)
        raise AssertionError("never came: " + what)


class Refused(Exception):
    def __init__(self, type, text):
        super().__init__("0x%x %s" % (type, text))
        self.type, self.text = type, text


def option_bytes(option, data=b""):
    return struct.pack(">QII", IHAVEOPT, option, len(data)) + data


def go_bytes(name, option=OPT_GO, infos=(3,)):
    name = name.encode()
    return option_bytes(option, struct.pack(">I", len(name)) + name + struct.pack(">H", len(infos)) +
                        b"".join(struct.pack(">H", i) for i in infos))


def meta_bytes(name, *queries):
    return b"".join(struct.pack(">I", n) + data for n, data in [(len(name), name.encode()), (len(queries), b"")] +
                    [(len(q), q.encode()) for q in queries])


def request_bytes(command, offset=0, length=0, flags=0, cookie=1, data=b""):
    return struct.pack(">IHHQQI", REQUEST_MAGIC, flags, command, cookie, offset, length) + data


class Client:
    def __init__(self, server, name=None, flags=3, timeout=20):
        port = server if isinstance(server, int) else server.port
        self.sock = socket.create_connection(("127.0.0.1", port), timeout * SLOW)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.cookie = 0
        if name is not None:
            self.greet(flags)
            self.go(name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def take(self, n):
        data = bytearray()
        while len(data) < n:
            part = self.sock.recv(n - len(data))
            if not part:
                raise ConnectionResetError("the server closed after %d of %d bytes" % (len(data), n))
            data += part
        return bytes(data)

    def closed(self):
        """Whether the server closes without another byte."""
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def greet(self, flags=3):
        magic, opt, self.server_flags = struct.unpack(">8sQH", self.take(18))
        assert magic == b"NBDMAGIC" and opt == IHAVEOPT
        self.send(struct.pack(">I", flags))

    def option_reply(self):
        magic, option, type, length = struct.unpack(">QIII", self.take(20))
        assert magic == OPT_REPLY, hex(magic)
        return option, type, self.take(length)

    def option(self, option, data=b""):
        """All replies to an option, up to ACK or an error."""
        self.send(option_bytes(option, data))
        replies = []
        while True:
            _, type, body = self.option_reply()
            replies.append((type, body))
            if type == REP_ACK or type & ERR:
                return replies

    def take_go(self):
        self.block = None
        while True:
            _, type, body = self.option_reply()
            if type & ERR:
                raise Refused(type, body.decode())
            if type == REP_ACK:
                return
            kind = struct.unpack(">H", body[:2])[0]
            if kind == 0:
                self.size, self.tflags = struct.unpack(">QH", body[2:])
            elif kind == 3:
                self.block = struct.unpack(">III", body[2:])

    def go(self, name, option=OPT_GO, infos=(3,)):
        self.send(go_bytes(name, option, infos))
        self.take_go()

    def request(self, command, offset=0, length=0, flags=0, data=b""):
        self.cookie += 1
        self.send(request_bytes(command, offset, length, flags, self.cookie, data))
        return self.cookie

    def reply(self):
        magic, error, cookie = struct.unpack(">IIQ", self.take(16))
        assert magic == REPLY_MAGIC, hex(magic)
        return cookie, error

    def call(self, command, offset=0, length=0, flags=0, data=b""):
        """One request; its error number."""
        cookie = self.request(command, offset, length, flags, data)
        got, error = self.reply()
        assert got == cookie, (got, cookie)
        return error

    def write(self, offset, data, flags=0):
        return self.call(WRITE, offset, len(data), flags, data)

    def read(self, offset, length):
        cookie = self.request(READ, offset, length)
        got, error = self.reply()
        assert got == cookie and error == 0, (got, error)
        return self.take(length)


class StructuredClient(Client):
    """Negotiates structured replies; chunks() tells what came."""

    def __init__(self, server, name=None, **more):
        super().__init__(server, **more)
        self.greet()
        assert self.option(OPT_STRUCTURED) == [(REP_ACK, b"")]
        if name is not None:
            self.go(name)

    def chunk(self):
        magic, flags, type, cookie, length = struct.unpack(">IHHQI", self.take(20))
        assert magic == CHUNK_MAGIC, hex(magic)
        assert flags in (0, DONE), flags
        return flags, type, cookie, self.take(length)

    def chunks(self, command, offset=0, length=0, flags=0):
        """One request's chunks as (type, payload)."""
        cookie = self.request(command, offset, length, flags)
        answer = []
        while True:
            done, type, got, payload = self.chunk()
            assert got == cookie, (got, cookie)
            answer.append((type, payload))
            if done:
                return answer

    def error(self, command, offset=0, length=0, flags=0, data=b""):
        """The number and the text of a request's error chunk."""
        cookie = self.request(command, offset, length, flags, data)
        done, type, got, payload = self.chunk()
        assert (done, type, got) == (DONE, CHUNK_ERROR, cookie), (done, type, got)
        number, n = struct.unpack(">IH", payload[:6])
        assert len(payload) == 6 + n and number
        return number, payload[6:].decode()

    def pieces(self, offset, length, flags=0):
        """A READ's content chunks in order as (offset, length, bytes or None for a hole): checked to cover it exactly once."""
        pieces = []
        for type, payload in self.chunks(READ, offset, length, flags):
            at = struct.unpack(">Q", payload[:8])[0]
            if type == CHUNK_DATA:
                assert len(payload) > 8
                pieces.append((at, len(payload) - 8, payload[8:]))
            else:
                assert type == CHUNK_HOLE and len(payload) == 12, (type, len(payload))
                pieces.append((at, struct.unpack(">I", payload[8:])[0], None))
        pieces.sort(key=lambda p: p[0])
        at = offset
        for start, n, _ in pieces:
            assert start == at and n, pieces
            at += n
        assert at == offset + length, (at, offset, length)
        return pieces

    def set_meta(self, name="0x1", *queries):
        """Selects contexts; what came before the ACK."""
        replies = self.option(OPT_SET_META, meta_bytes(name, *(queries or ("base:allocation",))))
        assert replies[-1] == (REP_ACK, b""), replies
        return replies[:-1]

    def status(self, offset, length, flags=0):
        """Descriptors of one block status request as (length, flags)."""
        (type, payload), = self.chunks(BLOCK_STATUS, offset, length, flags)
        assert type == CHUNK_STATUS and len(payload) > 4 and len(payload) % 8 == 4
        assert payload[:4] == self.context
        return list(struct.iter_unpack(">II", payload[4:]))

    def read(self, offset, length, flags=0):
        return b"".join(data if data is not None else bytes(n) for _, n, data in self.pieces(offset, length, flags))


def run(tests):
    """Runs functions, prints cmocka's lines so that tests/run counts each, exits non-zero when one failed."""
    import traceback
    only = sys.argv[1:]
    failed = []
    for t in tests:
        if only and t.__name__ not in only:
            continue
        print("[ RUN      ] " + t.__name__, flush=True)
        try:
            t()
            print("[       OK ] " + t.__name__, flush=True)
        except Exception:
            traceback.print_exc()
            print("[  FAILED  ] " + t.__name__, flush=True)
            failed.append(t.__name__)
    sys.exit(1 if failed else 0)
