# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine that attaches devices with nbdc, as the tests of this folder use it."""

import json
import time

from vmbed import settings


class Failed(AssertionError):
    pass


def expect(condition, text):
    if not condition:
        raise Failed(text)


class Node:
    """Node-a, as the client that it is here."""

    def __init__(self, vm):
        self.vm = vm

    def attach(self, device, arguments):
        self.vm.check(f"mkdir -p /run/nbdc; echo 'NBDC_ARGS={arguments} /dev/{device}' >/run/nbdc/{device}.env; systemctl start nbdc@{device}")

    def status(self, device):
        return json.loads(self.vm.check(f"nbdc --status /dev/{device} --json"))

    def wait(self, device, what, condition, timeout_s=20):
        deadline = time.monotonic() + timeout_s * settings.PATIENCE
        while time.monotonic() < deadline:
            status = self.status(device)
            if condition(status):
                return status
            time.sleep(0.2)
        raise Failed(f"waited {timeout_s} s for: {what}; last status {status}")

    def detach(self, device, decided):
        """Seconds that `nbdc --detach` took inside the guest."""
        out = self.vm.check(f"s=$(date +%s%N); nbdc --detach /dev/{device} --decided {decided} || exit; e=$(date +%s%N); echo $(((e - s) / 1000000))",
                            timeout=30)
        return int(out.split()[-1]) / 1000

    def write_in_background(self, name, device, *more):
        """fio with verification, as a unit of its own, until stop() or an error."""
        self.vm.check(f"systemd-run --quiet --unit={name} --property=StandardOutput=truncate:/tmp/{name}.json --property=RemainAfterExit=yes "
                      f"fio --name=w --filename=/dev/{device} --ioengine=libaio --direct=1 --rw=randwrite --bs=4k --iodepth=8 --size=48M --time_based "
                      f"--runtime=86400 --rate_iops=100 --verify=crc32c --verify_backlog=16 --verify_fatal=1 --output-format=json {' '.join(more)}")

    def stop(self, name, timeout_s=60):
        """Ends a fio; see result()."""
        self.vm.check(f"systemctl kill -s INT {name}")
        return self.result(name, timeout_s)

    def result(self, name, timeout_s):
        """(error, longest request in seconds, KiB written) of a fio that ends by itself."""
        self.vm.check(f"for i in $(seq {timeout_s * 5}); do case $(systemctl show -P SubState {name}) in exited|failed) exit 0;; esac; sleep 0.2; done; exit 1",
                      timeout=timeout_s + 10)
        text = self.vm.check(f"cat /tmp/{name}.json")
        self.vm.run(f"systemctl reset-failed {name}; systemctl stop {name}")  # the name is free again
        job = json.loads(text[text.index("{"):])["jobs"][0]
        longest_ns = max(job["write"]["lat_ns"]["max"], job["read"]["lat_ns"]["max"], job.get("sync", {}).get("lat_ns", {}).get("max", 0))
        return job["error"], longest_ns / 1e9, job["write"]["io_kbytes"]


def io_errors(vm):
    return [line for line in vm.check("dmesg").splitlines() if "I/O error, dev nbd" in line]
