# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our Debian packages on machines that have none: copied in, installed, replaced by a newer version, removed."""

import re
import subprocess
import tempfile
from pathlib import Path

from cluster.plug import pull_at
from vmbed import settings

NODE = ("libnbdd0", "nbdd", "nbdc", "hamon-common", "hamon")
WITNESS = ("hamon-common", "hamon-witness")
APT = "DEBIAN_FRONTEND=noninteractive apt-get -y -o APT::Get::AutomaticRemove=false"

# Everything that could be of ours: files outside of package management's own lists, accounts, units, devices, processes, sockets.
LEFT = r"""
find / -xdev \( -path /proc -o -path /sys -o -path /var/lib/dpkg -o -path /var/cache/apt -o -path /var/log \) -prune -o \
    \( -iname '*nbdd*' -o -iname '*nbdc*' -o -iname '*hamon*' \) -print
find /run /dev \( -iname '*nbdd*' -o -iname '*nbdc*' -o -iname '*hamon*' -o -name 'nb[0-9]*' \) 2>/dev/null
getent passwd nbdd hamon; getent group nbdd hamon
systemctl list-units --all --plain --no-legend 'nbdd*' 'nbdc*' 'hamon*' | grep -v ' not-found inactive dead '
dmsetup ls | grep nbdd
cat /proc/mdstat | grep ^md
ps -e -o comm= | grep -E '^(nbdd|nbdc|hamon)'
ss -Hltn | grep -E ':434[34] '
ls -d /sys/block/nbd*/pid 2>/dev/null
dpkg -l | grep -E '^.. +(lib)?(nbdd|nbdc|hamon)' | grep -v '^un'
! command -v rpm >/dev/null || rpm -qa 2>/dev/null | grep -E '(nbdd|nbdc|hamon)'
true
"""


def files(names):
    """The packages of build/deb by their names."""
    result = []
    for name in names:
        found = list(settings.DEB_DIR.glob(f"{name}_*.deb"))
        if len(found) != 1:
            raise RuntimeError(f"{settings.DEB_DIR} has {len(found)} packages {name}: run 'make deb'")
        result += found
    return result


def newer(names, folder):
    """The same packages with a higher version, as the next release would have it; their content is the same."""
    result = []
    for deb in files(names):
        with tempfile.TemporaryDirectory(dir=folder) as tree:
            subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
            control = Path(tree) / "DEBIAN/control"
            text = control.read_text()
            version = re.search(r"^Version: (\S+)$", text, re.M)[1]
            control.write_text(text.replace(f"Version: {version}\n", f"Version: {version}+next\n").replace(f"(= {version})", f"(= {version}+next)"))
            made = Path(folder) / deb.name.replace(version, f"{version}+next")
            subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, made], check=True, stdout=subprocess.DEVNULL)
        result.append(made)
    return result


def put(vm, debs, where="/root"):
    for deb in debs:
        vm.put(f"{where}/{deb.name}", deb.read_bytes())


def install(vm, debs):
    """What the guide says: apt install ./*.deb; returns what apt said."""
    # The image leaves out documentation, a real machine does not.
    vm.check("rm -f /etc/dpkg/dpkg.cfg.d/*mmdebstrap*")
    put(vm, debs)
    out = vm.check(f"cd /root && {APT} install {' '.join('./' + deb.name for deb in debs)} 2>&1", timeout=300)
    vm.check("rm -f /root/*.deb")
    return out


def remove(vm, names, purge=False, expect_refusal=False):
    if purge:  # apt refuses names that nothing is left of
        known = vm.run("dpkg-query -W -f '${Package}\\n' " + " ".join(names))[1].split()
        names = [name for name in names if name in known]
    code, out, _ = vm.run(f"{APT} {'purge' if purge else 'remove'} {' '.join(names)} 2>&1", timeout=300)
    if (code != 0) != expect_refusal:
        raise RuntimeError(f"{vm.name}: apt {'did not refuse to remove' if expect_refusal else 'cannot remove'} {' '.join(names)}: {out[-3000:]}")
    return out


def pull_in(vm, command, state, package, meanwhile=lambda: None):
    """The plug while `command` runs, in the moment in which dpkg writes down that this package is in that state; boots, `meanwhile` before that, and returns what dpkg says is half done."""
    vm.check("systemctl reset-failed dpkg-told 2>/dev/null; systemctl is-active -q dpkg-told || "
             "systemd-run -q --unit=dpkg-told sh -c 'exec tail -q -n0 -F /var/log/dpkg.log 2>/dev/null | systemd-cat -t dpkg-told'")
    pull_at(vm, command, rf"status {state} {package}:", 240)
    meanwhile()
    vm.boot()
    vm.wait_ready()
    return vm.check("dpkg --audit", timeout=60)


def left(vm):
    return [line for line in vm.check(LEFT, timeout=60).splitlines() if line.strip()]
