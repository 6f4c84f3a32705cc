# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two nodes and a witness as real processes on loopback, with a scripted hamon-act where a test wants one. Standard library only."""
import errno
import hmac
import json
import os
import pty
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

BUILD = Path(os.environ.get("BUILD", "build")).resolve()
ADDRESSES = {"node-a": ["127.0.0.1", "127.0.1.1"], "node-b": ["127.0.0.2", "127.0.1.2"], "witness": ["127.0.0.3"]}
PATIENCE = float(os.environ.get("NBDD_PATIENCE", "1"))  # slow machines wait longer


def free_port():
    """A port that is free for UDP and TCP on every address, below those that the kernel gives to whoever connects."""
    first, _ = (int(n) for n in Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    while True:
        port = random.randrange(10000, max(first, 20000))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            try:
                udp.bind(("", port))
                tcp.bind(("", port))
                return port
            except OSError:
                pass


def fail(text):
    raise AssertionError(text)


def wait(what, condition, seconds=10):
    """Until condition() is true; returns how long it took."""
    start = time.monotonic()
    while time.monotonic() - start < seconds * PATIENCE:
        if condition():
            return time.monotonic() - start
        time.sleep(0.05)
    fail(f"waited {seconds} s for: {what}")


def blank_leg():
    return {"present": False, "uuid": "00000000-0000-0000-0000-000000000000", "last_epoch": "0", "has_superblock": False,
            "calls_peer_failed": False, "clean": False, "md_events": "0", "note": False, "debt": False, "array_running": False}


def nothing_seen():
    return {"array_running": False, "own_in_sync": False, "own_failed": False, "peer_in_array": False, "peer_in_sync": False,
            "peer_failed": False, "sync_idle": True, "resync_done_sectors": "0", "resync_total_sectors": "0", "attached": False,
            "leg_connected": False, "leg_refused": False, "leg_oldest_ms": 0, "own_oldest_ms": 0, "leg_request_us": 31000, "own_request_us": 400, "service_running": False}


MIB = 1 << 20


class FakeVerify(threading.Thread):
    """hamon-act's socket for a verify, over a disk of memory. `before_digests(question)` may change it; `held` are the windows that were asked for."""

    def __init__(self, path, size=1 << 20):
        super().__init__(daemon=True)
        self.disk, self.asked, self.held, self.holding, self.errors, self.delay = bytearray(size), [], [], False, {}, 0
        self.before_digests = lambda question: None
        self.disk_size, self.holds = 8 * MIB, "nothing"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.listen(8)
        self.path = path
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            while packet := connection.recv(65536):
                connection.send(json.dumps(self.answer(json.loads(packet))).encode())
        except OSError:
            pass
        connection.close()

    def answer(self, q):
        self.asked.append(q)
        time.sleep(self.delay)
        if q["ask"] in self.errors:
            return {"error": self.errors[q["ask"]], "detail": "the disk is broken"}
        if q["ask"] == "disk":
            return {"error": 0, "detail": "", "disk_bytes": str(self.disk_size), "room_bytes": str((self.disk_size - MIB) // MIB * MIB),
                    "needs_bytes": str(len(self.disk) + MIB if self.holds == "a leg of this mirror" else 0), "holds": self.holds}
        if q["ask"] != "digests":
            self.holding = q["ask"] == "hold"
            if self.holding:
                self.held.append((int(q["offset"]), q["size"]))
            return {"error": 0, "detail": ""}
        self.before_digests(q)
        digests = ""
        for i in range(q["count"]):
            block = bytes(self.disk[int(q["offset"]) + i * q["block"]:int(q["offset"]) + (i + 1) * q["block"]])
            digests += hmac.new(bytes.fromhex(q["key"]), block, "sha256").hexdigest() if block else ""
        return {"error": 0, "detail": "", "size": str(len(self.disk)), "digests": digests, "latency_us": 900, "limit_kib": 65536 if q["paced"] else 0}

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join(2)
        Path(self.path).unlink(missing_ok=True)


class FakeAct(threading.Thread):
    """A hamon-act whose disks and arrays are a few booleans: every effect works, unless `errors` names it. `leg` and `seen` are the first mirror's; what they
    hold from the first moment is given at once, as hamon looks at them as soon as it can."""

    def __init__(self, path, mirrors=("data",), leg=None, seen=None):
        super().__init__(daemon=True)
        self.done, self.errors, self.silent, self.blank = [], {}, set(), True
        self.legs, self.observations = {m: blank_leg() for m in mirrors}, {m: nothing_seen() for m in mirrors}
        self.mirror = mirrors[0]
        self.leg, self.seen = self.legs[self.mirror], self.observations[self.mirror]
        self.leg.update(leg or {})
        self.seen.update(seen or {})
        self.closed = set()  # legs of mirrors that are being removed
        self.settled = dict.fromkeys(mirrors, "0")  # ticket of the last effect that is over
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.path, self.connection, self.stopping = path, None, False
        self.verify = FakeVerify(Path(path).parent / "verify.sock")
        self.start()

    def run(self):
        while not self.stopping:
            try:
                self.connection, _ = self.listener.accept()
                self.settled = dict.fromkeys(self.settled, "0")
                self.connection.settimeout(0.25)
                self.serve()
            except OSError:
                pass

    def serve(self):
        while not self.stopping:
            try:
                packet = self.connection.recv(65536)
                if not packet:
                    return
                answer = self.act(json.loads(packet))
                if answer:
                    self.connection.send(json.dumps(answer).encode())
                    if answer["done"] not in ("address-renew", "address-drop", "reboot"):
                        self.settled[answer["mirror"]] = answer["ticket"]
            except TimeoutError:
                pass
            for mirror, leg in self.legs.items():
                if leg["present"] and mirror not in self.closed:
                    self.connection.send(json.dumps({"observed": mirror, "settled": self.settled[mirror], **self.observations[mirror]}).encode())

    def act(self, command):
        do = command["do"]
        leg, seen = self.legs[command["mirror"]], self.observations[command["mirror"]]
        self.done.append(do)
        answer = {"done": do, "mirror": command["mirror"], "ticket": command["ticket"], "error": self.errors.get(do, 0), "detail": ""}
        if do == "leg-create" and not self.blank and not command["overwrite"]:
            answer["error"] = -errno.EEXIST
        if do in self.silent:
            return None
        if answer["error"]:
            return {**answer, "detail": "the disk is broken"}
        self.closed.discard(command["mirror"])
        if do == "leg-close":
            self.closed.add(command["mirror"])
        if do == "leg-create":
            leg.update(present=True, uuid=command["leg"], has_superblock=False, last_epoch="0")  # the front of the disk is wiped
            self.verify.holds = "a leg of this mirror"
        elif do == "array-create":
            leg.update(has_superblock=True, clean=True, array_running=True)
            seen.update(array_running=True, own_in_sync=True)
        elif do == "assemble":
            leg.update(array_running=True)
            seen.update(array_running=True, own_in_sync=True, peer_in_array=False, peer_in_sync=False)
        elif do == "assemble-both":
            leg.update(array_running=True)
            seen.update(array_running=True, own_in_sync=True, peer_in_array=True, peer_in_sync=True)
        elif do == "attach":
            seen.update(attached=True, leg_connected=True)
        elif do == "leg-add":
            seen.update(peer_in_array=True, peer_in_sync=True, sync_idle=True)
        elif do == "detach":
            seen.update(attached=False, leg_connected=False)
        elif do == "leg-remove":
            seen.update(peer_in_array=False, peer_in_sync=False)
        elif do in ("note-set", "note-clear"):
            leg.update(note=do == "note-set")
        elif do in ("service-start", "service-stop"):
            seen.update(service_running=do == "service-start")
        elif do == "array-stop":
            leg.update(array_running=False, clean=True)
            seen.update(array_running=False, own_in_sync=False, peer_in_array=False, peer_in_sync=False, attached=False)
        elif do == "history":
            leg.update(last_epoch=command["epoch"])
        elif do == "check-leg":
            answer["permits"] = True
            leg.update(has_superblock=True)
        elif do == "debt-union":
            answer["known"] = False
        if do in ("leg-open", "leg-create", "array-create"):
            answer["leg"] = dict(leg)
        return answer

    def stop(self):
        self.stopping = True
        for s in (self.listener, self.connection):
            if s:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                s.close()
        self.join(2)
        self.verify.stop()
        Path(self.path).unlink(missing_ok=True)


class Trio:
    def __init__(self, timers=""):
        self.dir = Path(tempfile.mkdtemp(prefix="hamon-trio-"))
        self.port = free_port()
        self.config = self.dir / "hamon.conf"
        self.timers = timers
        self.processes, self.acts, self.logs = {}, {}, {}
        subprocess.run([BUILD / "hamonctl", "key", "generate", self.dir / "key"], check=True, stdout=subprocess.DEVNULL)
        self.config.write_text(self.text())
        for name in ADDRESSES:
            (self.dir / name).mkdir()

    def text(self, cluster="demo", key=None, addresses=ADDRESSES):
        lines = ["[cluster]", f"name = {cluster}", f"key-file = {key or self.dir / 'key'}", f"port = {self.port}", self.timers]
        for name, links in addresses.items():
            lines.append(f"[{'witness' if name == 'witness' else 'node'} {name}]")
            lines += [f"address = {a}" for a in links]
        return "\n".join(lines + ["[mirror data]", "id = 0xd1", "device = node-a:/dev/vdb", "device = node-b:/dev/vdb", ""])

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for name in list(self.processes):
            self.stop(name, signal.SIGKILL)
        for act in self.acts.values():
            act.stop()
        if kind:
            for name in ADDRESSES:
                log = self.dir / name / "log"
                print(f"--- {name}\n{log.read_text() if log.exists() else ''}", file=sys.stderr)
        shutil.rmtree(self.dir, ignore_errors=True)

    def machine(self, name):
        """What a hamon is run by, for a test whose machines boot."""
        return []

    def start(self, name, *extra, config=None):
        folder = self.dir / name
        argv = [*self.machine(name), BUILD / "hamon", "--config", config or self.config, "--node", name, "--control", folder / "control.sock",
                "--state-dir", folder, *extra]
        argv += ["--witness"] if name == "witness" else ["--act", folder / "act.sock"]
        with open(folder / "log", "a") as log:
            self.processes[name] = subprocess.Popen(argv, stdout=log, stderr=log)
        wait(f"{name} answers", lambda: self.status(name) is not None or self.processes[name].poll() is not None, 5)
        return self.processes[name]

    def start_act(self, name, mirrors=("data",), leg=None, seen=None):
        self.acts[name] = FakeAct(self.dir / name / "act.sock", mirrors, leg, seen)
        return self.acts[name]

    def stop_act(self, name):
        self.acts.pop(name).stop()

    def stop(self, name, how=signal.SIGTERM):
        process = self.processes.pop(name, None)
        if process:
            process.send_signal(signal.SIGCONT)
            process.send_signal(how)
            return process.wait(10)
        return None

    def log(self, name):
        return (self.dir / name / "log").read_text()

    def ctl(self, name, *words, timeout=30):
        p = subprocess.run([BUILD / "hamonctl", "--socket", self.dir / name / "control.sock", *words], capture_output=True, text=True,
                           stdin=subprocess.DEVNULL, timeout=timeout * PATIENCE)
        return p.returncode, p.stdout, p.stderr

    def ctl_typing(self, name, typed, *words):
        """hamonctl on a terminal at which a person types; returns its exit status and what the terminal showed."""
        ours, theirs = pty.openpty()
        p = subprocess.Popen([BUILD / "hamonctl", "--socket", self.dir / name / "control.sock", *words], stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        os.write(ours, typed.encode())
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:
            pass  # a terminal whose other end is closed
        os.close(ours)
        return p.wait(30 * PATIENCE), shown.decode()

    def status(self, name):
        code, out, _ = self.ctl(name, "status", "--json")
        return json.loads(out) if code == 0 else None

    def node(self, seen_by, name):
        return next(n for n in self.status(seen_by)["nodes"] if n["name"] == name)

    def mirror(self, name):
        return self.status(name)["mirrors"][0]

    def events(self, name):
        return [e["reason"] for e in json.loads(self.ctl(name, "events", "--json")[1])["events"]]

    def everybody_hears(self, names=tuple(ADDRESSES)):
        seen = [self.status(name) for name in names]
        return all(seen) and all(n["alive"] for s in seen for n in s["nodes"])
