# SPDX-License-Identifier: LGPL-2.1-or-later
"""hamon daemons on loopback with their pages on TLS, a browser that looks at them (browser.mjs), and the states of a cluster that a page must show."""
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
for part in ("daemon", "api", "nbdd"):
    sys.path.insert(0, str(TOP / "tests/integration" / part))
from apilib import UnixConnection, call
from nbdlib import Client, Server
from hamonlib import ADDRESSES, BUILD, PATIENCE, Trio, fail, free_port, wait

SERVICE = """[service data]
mount = /srv/data
interface = eth0
address = 10.99.0.100/24
unit = postgresql.service
"""
SERVER = {"node-a": "127.0.0.1", "node-b": "127.0.0.2", "witness": "127.0.0.3"}


class Browser:
    def __init__(self):
        self.process = subprocess.Popen(["node", TOP / "tests/web/browser.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.process.stdin.write('{"do": "quit"}\n')
            self.process.stdin.close()
            self.process.wait(20)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()

    def __getattr__(self, name):
        def command(**args):
            self.process.stdin.write(json.dumps({"do": name, **args}) + "\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline() or fail("the browser is gone"))
            return answer["ok"] if "error" not in answer else fail(answer["error"])
        return command

    def sees(self, text, selector="#page", seconds=15):
        """The page shows it in time; else what it shows instead."""
        try:
            self.wait(selector=selector, has=text, seconds=seconds * PATIENCE)
        except AssertionError:
            fail(f"'{text}' is not in {selector}:\n{self.text(selector='body')}\n{self.complaints()}")

    def headline(self):
        return self.text(selector="#verdict h1").replace("\n", " ")


class Machines:
    """The simulator's two nodes in real time (tests/sim/machines/machines.h): what hamon-act, the disks, md and the path between them do."""

    def __init__(self, config, folder):
        self.process = subprocess.Popen([BUILD / "sim/machines", config, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def say(self, word, node, number=0):
        self.process.stdin.write(f"{word} {node} {number}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer == "ok\n", f"'{word} {node}': {answer or 'the machines are gone'}"

    def is_off(self, node):
        """Its power was cut, or hamon had it reboot."""
        self.process.stdin.write(f"is-off {node}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline() == "off\n"

    def close(self):
        self.process.kill()
        self.process.wait()


class Site(Trio):
    """A trio whose nodes serve the page, on the simulator's machines; tokens[name] is (viewer, operator)."""

    def __init__(self, service=True):
        self.api_port, self.service, self.tokens, self.servers, self.boots = free_port(), service, {}, {}, {}
        super().__init__()
        self.certify()
        self.machines = Machines(self.config, self.dir)

    def text(self, **more):
        listen = "".join(f"listen = {a}:{self.api_port}\n" for a in SERVER.values())
        return super().text(**more) + (SERVICE if self.service else "") + f"[api]\n{listen}certificate = {self.dir}/api.crt\nkey = {self.dir}/api.key\nchanges = yes\n"

    def certify(self):
        if not (self.dir / "api.crt").exists():
            done = subprocess.run([BUILD / "hamonctl", "cert", "create", self.config], capture_output=True, text=True)
            assert done.returncode == 0, (done.stdout, done.stderr)

    def start(self, name, *extra, config=None):
        self.certify()
        if name in self.servers:
            extra = ["--nbdd", self.servers[name].control, *extra]
        return super().start(name, *extra, config=config)

    def serve_disks(self):
        """An nbdd on each node, before its hamon is started."""
        self.servers = {name: Server() for name in ("node-a", "node-b")}

    def __exit__(self, *error):
        for server in self.servers.values():
            server.close()
        self.machines.close()
        return super().__exit__(*error)

    def url(self, name):
        return f"https://{SERVER[name]}:{self.api_port}/"

    def token(self, name, role="operator"):
        if (name, role) not in self.tokens:
            code, out, err = self.ctl(name, "token", "create", f"web-{role}", "--role", role)
            assert code == 0, err
            self.tokens[name, role] = out.strip()
        return self.tokens[name, role]

    def show(self, browser, name, role="operator"):
        """Opens the page of a node and signs in."""
        browser.go(url=self.url(name))
        browser.evaluate(code="sessionStorage.clear()")
        browser.reload()
        browser.wait(selector="#token")
        browser.fill(selector="#token", value=self.token(name, role))
        browser.press(key="Enter")
        browser.wait(selector="#verdict h1")
        browser.wait(selector="#heartbeats .spark, #heartbeats .quiet", seconds=45 * PATIENCE)  # the last of the first answers, on a busy machine

    # -- States, one after the other -------------------------------------------------------------------------------------------

    def blank(self):
        for name in ("node-a", "node-b"):
            self.machines.say("power-on", name)
        for name in ADDRESSES:
            self.start(name)
        wait("all hear all", self.everybody_hears)
        wait("acts", lambda: all(self.status(n)["node"]["act"]["connected"] for n in ("node-a", "node-b")))
        wait("standby", lambda: self.mirror("node-a")["role"] == "standby")

    def redundant(self):
        code, out, err = self.ctl("node-a", "mirror", "create", "data", "--overwrite")
        assert code == 0, err
        wait("primary", lambda: self.mirror("node-a")["role"] == "primary")
        code, out, err = self.ctl("node-b", "mirror", "join", "data", "--overwrite")
        assert code == 0, err
        self.is_redundant("node-a")

    def is_redundant(self, primary):
        wait("redundant", lambda: self.mirror(primary)["health"] == "ok" and self.mirror(primary)["role"] == "primary" and all(x["in_sync"] for x in self.mirror(primary)["legs"]), 30)

    def start_act(self, name):
        self.machines.say("act-on", name)

    def stop_act(self, name):
        self.machines.say("act-off", name)

    def power_cut(self, name):
        """The machine is gone at once: hamon, what was in its disk's cache, and the other node's leg."""
        self.machines.say("power-off", name)
        self.stop(name, signal.SIGKILL)

    def power_on(self, name):
        """Another boot of that machine."""
        self.boots[name] = self.dir / name / "boot_id"
        self.boots[name].write_text(f"{uuid.uuid4()}\n")
        self.machines.say("power-on", name)
        self.start(name)

    def machine(self, name):
        """The kernel's boot id is another one there, once it was booted by power_on()."""
        if name not in self.boots:
            return []
        return ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--mount", "sh", "-c", 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"', self.boots[name]]

    def new_disk(self, name):
        """It comes back with a blank disk, and a person takes that in: a whole copy."""
        self.machines.say("new-disk", name)
        self.power_on(name)
        wait("it knows that it has no leg", lambda: (m := self.mirror(name))["reason"]["code"] == "no-leg" and m["role"] == "standby" and not any(
            leg["in_sync"] for leg in m["legs"] if leg["node"] == name), 20)
        code, out, err = self.ctl(name, "mirror", "join", "data", "--overwrite")
        assert code == 0, err
