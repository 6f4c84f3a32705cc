# SPDX-License-Identifier: LGPL-2.1-or-later
"""A witness of one cluster among many on a machine, as a real process on loopback; tests/bench/nodes.c is its cluster's nodes."""
import json
import os
import signal
import subprocess
import time
from pathlib import Path

BUILD = Path(os.environ.get("BUILD", "build")).resolve()

CONFIG = """[cluster]
name = {name}
key-file = {key}
port = {port}
[node node-a]
address = 127.0.0.11
[node node-b]
address = 127.0.0.12
[witness w]
address = 127.0.0.13
[mirror data]
id = 0xd1
device = node-a:/dev/vdb
device = node-b:/dev/vdb
"""


class Witness:
    def __init__(self, folder, name, port):
        self.folder, self.name = Path(folder), name
        self.folder.mkdir(parents=True)
        self.config, key = self.folder / "hamon.conf", self.folder / "key"
        key.write_text(os.urandom(32).hex() + "\n")
        key.chmod(0o600)
        self.config.write_text(CONFIG.format(name=name, key=key, port=port))
        self.start()

    def start(self):
        self.process = subprocess.Popen([BUILD / "hamon", "--witness", "--any-host", "--config", self.config, "--control", self.folder / "control.sock",
                                         "--state-dir", self.folder], stderr=open(self.folder / "log", "a"))

    def wait_until_there(self, seconds=60):
        until = time.monotonic() + seconds
        while self.status() is None:
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit("the witness of %s is not there: %s" % (self.name, (self.folder / "log").read_text()))
            time.sleep(0.02)

    def status(self):
        done = subprocess.run([BUILD / "hamonctl", "--socket", self.folder / "control.sock", "status", "--json"], capture_output=True, text=True, timeout=30)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(20)


def nodes(configs, seconds, **how):
    """The nodes of these clusters, started; what they print is JSON."""
    return subprocess.Popen([BUILD / "bench/nodes", *configs, str(seconds)], stdout=subprocess.PIPE, text=True, **how)
