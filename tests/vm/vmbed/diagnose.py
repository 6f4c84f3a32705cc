# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a person wants to see of a test that failed, collected while the machines still run."""

from .agent import GuestError, GuestTimeout

COMMANDS = [
    "systemctl --failed --no-legend --no-pager",
    "cat /proc/mdstat",
    "lsblk; dmsetup table; findmnt -l -t ext4,xfs",
    "ip -brief address; ip -stats link; ss -tnp",
    "ps -eo pid,stat,wchan:24,etimes,args --sort=pid | grep -v '\\['",
    "command -v hamonctl >/dev/null && hamonctl status",
    "command -v nbdd >/dev/null && nbdd -l -a -s",
    "echo w >/proc/sysrq-trigger; dmesg | tail -n 200",
]


def collect(trio):
    """Write diagnosis.txt and journalctl.txt into the folder of each machine that is on. Never raises for a machine in trouble."""
    trio.each(_collect_one, [name for name, vm in trio.vms.items() if vm.running()] or None)


def _collect_one(vm):
    if not vm.running():
        return
    with open(vm.folder / "diagnosis.txt", "w") as out:
        try:
            for command in COMMANDS:
                _, text, err = vm.run(command, timeout=10)
                print(f"# {command}\n{text}{err}", file=out)
            (vm.folder / "journalctl.txt").write_text(vm.run("journalctl -b -o short-precise --no-pager", timeout=30)[1])
        except (GuestTimeout, GuestError) as e:
            print(f"# no more answers: {e}", file=out)
