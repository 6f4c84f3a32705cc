# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which kernel the guests run: KERNEL=6.12 (or newest) in the environment of any VM test.

    empty       linux-image-cloud-amd64, the kernel of the Debian release
    6.12        the newest 6.12 that Debian offers for it, by the package linux-image-6.12-cloud-amd64
    newest      the newest of those
    NAME        any other Debian package of a kernel

Images of several kernels are kept beside each other.
"""

import re
import subprocess

OWN = "linux-image-cloud-amd64"
BACKPORT = re.compile(r"linux-image-(\d+\.\d+)-cloud-amd64$")


def package(wanted):
    """(package, tag): `tag` is in the names of its images, "" for the release's own kernel."""
    if wanted in ("", OWN):
        return OWN, ""
    if wanted == "newest":
        wanted = max(_backports(), key=lambda version: [int(n) for n in version.split(".")])
    if re.fullmatch(r"\d+\.\d+", wanted):
        if wanted not in _backports():
            own = _release_version()
            if own and own.startswith(wanted + "."):
                return OWN, ""
            raise RuntimeError(f"Debian has no kernel {wanted} for this release, there are {own or 'its own'} and {', '.join(_backports())} "
                               "(apt-get update?)")
        return f"linux-image-{wanted}-cloud-amd64", f"{wanted}-"
    if not wanted.startswith("linux-image-"):
        raise RuntimeError(f"'{wanted}' is not a kernel: expected 6.12, newest or the name of a package linux-image-...")
    return wanted, wanted.removeprefix("linux-image-") + "-"


def _backports():
    names = subprocess.run(["apt-cache", "pkgnames", "linux-image-"], capture_output=True, text=True, check=True).stdout.split()
    found = sorted(match[1] for match in map(BACKPORT.match, names) if match)
    if not found:
        raise RuntimeError("apt knows no backported kernel: run 'apt-get update', and have the security archive in sources.list")
    return found


def _release_version():
    out = subprocess.run(["apt-cache", "show", "--no-all-versions", OWN], capture_output=True, text=True).stdout
    match = re.search(r"^Version: (\S+)", out, re.M)
    return match and match[1]
