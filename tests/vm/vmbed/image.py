# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guest image, in two layers that are both cached by a hash of what goes in.

    base-HASH.tar     Debian 12 with the packages of guest/packages.txt, made by mmdebstrap (needs the package mirror)
    image-HASH/       root.img (ext4), vmlinuz and initramfs: the base plus our own packages from build/deb and guest/etc, guest/usr

With another kernel than the release's (kernel.py) they are base-6.12-HASH.tar and image-6.12-HASH, beside these.
Our packages are installed by dpkg, with services kept from starting; nothing of the product is copied in by hand.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import initramfs, kernel, settings

SUITE = "bookworm"
# What the host must have.
TOOLS = ["mmdebstrap", "mke2fs", "tar", "chroot", "unshare", "nsenter", "ip", "nbdkit", "qemu-system-x86_64"]

# Units that only cost boot time in a machine that lives for minutes and has no person at it.
MASKED = """
apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer systemd-tmpfiles-clean.timer
mdcheck_start.timer mdcheck_continue.timer mdmonitor-oneshot.timer man-db.timer
e2scrub_reap.service mdadm.service mdmonitor.service fio.service hwclock.service
getty.target getty@tty1.service serial-getty@ttyS0.service
systemd-ask-password-console.path systemd-ask-password-wall.path
systemd-binfmt.service proc-sys-fs-binfmt_misc.automount systemd-firstboot.service systemd-machine-id-commit.service
systemd-journal-flush.service systemd-journal-catalog-update.service systemd-hwdb-update.service systemd-pstore.service
systemd-pcrphase.service systemd-pcrphase-sysinit.service systemd-repart.service systemd-update-done.service
systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-sysusers.service systemd-fsck-root.service
systemd-logind.service systemd-user-sessions.service systemd-random-seed.service dev-mqueue.mount sys-kernel-config.mount
modprobe@.service systemd-rfkill.socket systemd-initctl.socket ldconfig.service
cryptsetup.target veritysetup.target integritysetup.target
dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount
""".split()
# Generators that find nothing to do here; each is a fork and an exec at every boot and daemon-reload.
# (postgresql-generator starts clusters that say "auto" in start.conf; the product names the cluster that it starts.)
MASKED_GENERATORS = """
postgresql-generator systemd-cryptsetup-generator systemd-debug-generator systemd-getty-generator systemd-gpt-auto-generator
systemd-hibernate-resume-generator systemd-integritysetup-generator systemd-rc-local-generator systemd-run-generator
systemd-system-update-generator systemd-sysv-generator systemd-veritysetup-generator
""".split()
DISABLED = ["multi-user.target.wants/postgresql.service", "multi-user.target.wants/remote-fs.target"]
ENABLED = {
    "multi-user.target.wants/bed-net.service": "/etc/systemd/system/bed-net.service",
    "network-online.target.wants/bed-net.service": "/etc/systemd/system/bed-net.service",
    r"dev-virtio\x2dports-bed.journal.device.wants/bed-journal.service": "/etc/systemd/system/bed-journal.service",
}
# Bump when _make_base changes what the base contains; the second layer is made anew whenever this file changes.
RECIPE = "1"
ANY_HASH = "[0-9a-f]" * 16


@dataclass(frozen=True)
class Image:
    root: Path
    kernel: Path
    initrd: Path


def ensure(say=lambda text: print(text, file=sys.stderr, flush=True), ours=True, more=()):
    """Build what is missing of the two layers and return the Image. Safe to call from several processes. Without `ours` the guest is a fresh
    Debian that has none of our packages (for tests that install them); `more` are Debian packages that it has besides."""
    _check_host()
    settings.WORK.mkdir(parents=True, exist_ok=True)
    with _lock():
        kernel_package, tag = kernel.package(settings.KERNEL)
        packages = _package_list() + [kernel_package, *more]
        tag += "more-" if more else ""
        bases = f"base-{tag}"
        base = settings.WORK / f"{bases}{_hash(RECIPE, SUITE, settings.MIRROR, packages, _tree_hash('etc/postgresql-common'))}.tar"
        debs = sorted(settings.DEB_DIR.glob("*.deb")) if ours else []
        tag += "" if ours else "fresh-"
        key = _hash(base.name, settings.ROOT_MIB, _tree_hash("."), _file_hash(Path(__file__)), _file_hash(Path(initramfs.__file__)),
                    [_file_hash(deb) for deb in debs])
        folder = settings.WORK / f"image-{tag}{key}"
        image = Image(folder / "root.img", folder / "vmlinuz", folder / "initramfs")
        if not folder.exists():
            if not base.exists():
                _timed(say, f"making the Debian base image ({len(packages)} packages)", _make_base, base, packages)
            _drop_old(f"{bases}{ANY_HASH}.tar", keep=base)
            what = ", ".join(d.name for d in debs) or "no packages of our own"
            _timed(say, f"making the guest image with {what}", _make_image, image, folder, base, debs)
            _drop_old(f"image-{tag}{ANY_HASH}", keep=folder)
        return image


def _check_host():
    if os.geteuid() != 0:
        raise RuntimeError("the VM bed needs root: it makes network namespaces and a Debian image")
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        raise RuntimeError(f"the VM bed needs {', '.join(missing)}: run 'make deps'")


def _make_base(base, packages):
    part = base.with_suffix(".part.tar")
    hook = f'mkdir -p "$1/etc" && cp -r "{settings.GUEST_TREE}/etc/postgresql-common" "$1/etc/"'
    command = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=" + ",".join(packages),
               "--setup-hook=" + hook, '--dpkgopt=path-exclude=/usr/share/man/*', '--dpkgopt=path-exclude=/usr/share/locale/*',
               '--dpkgopt=path-exclude=/usr/share/doc/*', '--dpkgopt=path-include=/usr/share/doc/*/copyright',
               SUITE, str(part)] + ([settings.MIRROR] if settings.MIRROR else [])
    subprocess.run(command, check=True, env={**os.environ, "INITRD": "No"})
    part.rename(base)


def _make_image(image, folder, base, debs):
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    tree = part / "tree"
    tree.mkdir(parents=True)
    subprocess.run(["tar", "-C", tree, "--numeric-owner", "-xpf", base], check=True)
    if debs:
        _install(tree, debs)
    _personalise(tree)
    release = _only(tree.glob("lib/modules/*")).name
    shutil.copy(tree / f"boot/vmlinuz-{release}", part / image.kernel.name)
    initramfs.build(tree, release, part / image.initrd.name)
    for boot in tree.glob("boot/initrd.img-*"):
        boot.unlink()
    root = part / image.root.name
    with open(root, "wb") as f:
        f.truncate(settings.ROOT_MIB << 20)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-L", "root", "-m", "0", "-J", "size=16",
                    "-E", "lazy_itable_init=0,lazy_journal_init=0", "-d", tree, root], check=True)
    shutil.rmtree(tree)
    part.rename(folder)


def _install(tree, debs):
    """dpkg -i in a chroot; policy-rc.d keeps maintainer scripts from starting services."""
    policy = tree / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    incoming = tree / "tmp/debs"
    incoming.mkdir()
    for deb in debs:
        shutil.copy(deb, incoming)
    try:
        # In a mount namespace of its own, so that /proc goes with it; maintainer scripts (systemd-tmpfiles) want it.
        subprocess.run(["unshare", "--mount", "sh", "-ec", 'mount -t proc proc "$0/proc"; '
                        'exec env DEBIAN_FRONTEND=noninteractive chroot "$0" sh -c "dpkg -i /tmp/debs/*.deb"', tree],
                       check=True, stdout=sys.stderr)
    finally:
        shutil.rmtree(incoming)
        policy.unlink()


def _personalise(tree):
    """What a real machine's installer would do: names, units, no password, and an identity that the command line replaces."""
    shutil.copytree(settings.GUEST_TREE, tree, dirs_exist_ok=True, ignore=shutil.ignore_patterns("packages.txt"))
    units = tree / "etc/systemd/system"
    for unit in MASKED:
        _link(units / unit, "/dev/null")
    for generator in MASKED_GENERATORS:
        _link(tree / "etc/systemd/system-generators" / generator, "/dev/null")
    for unit in DISABLED:
        (units / unit).unlink(missing_ok=True)
    for wanted, target in ENABLED.items():
        _link(units / wanted, target)
    # A machine-id that is set keeps systemd from its "first boot" work; systemd.machine_id= gives each node its own.
    (tree / "etc/machine-id").write_text("0" * 31 + "1\n")
    _link(tree / "var/lib/dbus/machine-id", "/etc/machine-id")
    (tree / "etc/hostname").write_text("localhost\n")
    subprocess.run(["chroot", tree, "passwd", "-q", "-d", "root"], check=True)


def _link(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def _package_list():
    lines = (settings.GUEST_TREE / "packages.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _hash(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _file_hash(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _tree_hash(under):
    files = sorted(p for p in (settings.GUEST_TREE / under).rglob("*") if p.is_file())
    return _hash([(str(p.relative_to(settings.GUEST_TREE)), p.stat().st_mode & 0o111, _file_hash(p)) for p in files])


def _only(found):
    found = list(found)
    if len(found) != 1:
        raise RuntimeError(f"the guest has {len(found)} kernels, expected one")
    return found[0]


def _drop_old(pattern, keep):
    """Old layers go, except the two newest besides `keep`: branches and packages are switched back and forth."""
    old = sorted((p for p in settings.WORK.glob(pattern) if p != keep), key=lambda p: p.stat().st_mtime, reverse=True)
    for path in old[1:]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _timed(say, what, function, *args):
    say(f"vm: {what} ...")
    start = time.monotonic()
    function(*args)
    say(f"vm: {what}: done in {time.monotonic() - start:.0f} s")


@contextmanager
def _lock():
    with open(settings.WORK / "lock", "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield
