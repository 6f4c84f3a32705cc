# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the guests need for this benchmark alone: Debian's packages of the others, unpacked over the guest's root while it runs. The image of all
other tests stays as it is."""

import re
import subprocess

# The binary packages, and what each brings that the image has not. Their libraries are in the image already.
PACKAGES = {"drbd-utils": ["sbin", "lib/drbd"], "nbd-server": ["bin"], "nbdkit": ["usr/bin", "usr/lib"]}


def archive(folder):
    """(tar.gz as bytes, {package: version}); what was downloaded once is kept in `folder`."""
    tree = folder / "tree"
    if not tree.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.deb"):
            old.unlink()
        done = subprocess.run(["apt-get", "download", "-q", *PACKAGES], cwd=folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"cannot download {', '.join(PACKAGES)}: {done.stderr.strip()} (apt-get update?)")
        part = folder / "tree.part"
        subprocess.run(["rm", "-rf", part], check=True)
        for deb in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", deb, part], check=True)
        part.rename(tree)
    versions = {}
    for deb in folder.glob("*.deb"):
        name, version = re.match(r"([^_]+)_([^_]+)_", deb.name.replace("%3a", ":")).groups()
        versions[name] = version
    paths = sorted({path for each in PACKAGES.values() for path in each if (tree / path).exists()})
    tar = subprocess.run(["tar", "-C", tree, "--owner=0", "--group=0", "--dereference", "-czf", "-", *paths], check=True, capture_output=True).stdout
    return tar, versions


def install(vm, tar):
    """--keep-directory-symlink: /bin and /sbin of the guest are links."""
    vm.put("/tmp/tools.tar.gz", tar)
    vm.check("tar -C / --keep-directory-symlink -xzf /tmp/tools.tar.gz && rm /tmp/tools.tar.gz; mkdir -p /var/lib/drbd /var/lock /run/lock; ldconfig", timeout=120)
