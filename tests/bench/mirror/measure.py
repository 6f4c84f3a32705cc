# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured of a mirror, and how: fio in node-a; the cost of it, from outside, as what both QEMUs took of the host's processors, what they asked of
their disks, and the packets on node-b's link, all over one stretch in the middle of the job, so that fio's own start counts nowhere.

/proc/stat of an emulated guest would count the time that other processes of the host took from it; QEMU's own time does not.
"""

import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from vmbed import net, proc, qmp, settings

SIZE_MIB = 192  # of every job, on each device alike
RAMP_S = 0.5
OUTAGE_WRITES = 200
OUTAGE_MIB = 64
UNDER_RESYNC_IOPS = 50

# name, fio's arguments, unit
JOBS = [
    ("4k write, depth 1", "--rw=randwrite --bs=4k --iodepth=1", "IOPS"),
    ("4k write, depth 1, flush after each", "--rw=randwrite --bs=4k --iodepth=1 --fsync=1", "IOPS"),
    ("4k write, depth 32", "--rw=randwrite --bs=4k --iodepth=32", "IOPS"),
    ("4k write, depth 32, flush after 32", "--rw=randwrite --bs=4k --iodepth=32 --fsync=32", "IOPS"),
    ("256k sequential write, depth 4", "--rw=write --bs=256k --iodepth=4", "MB/s"),
    ("256k sequential read, depth 4", "--rw=read --bs=256k --iodepth=4", "MB/s"),
    ("4k read, depth 32", "--rw=randread --bs=4k --iodepth=32", "IOPS"),
    ("4k 70/30, depth 8", "--rw=randrw --rwmixread=70 --bs=4k --iodepth=8", "IOPS"),
]


@dataclass
class Sample:
    """Counters at one instant; all but the time are of node-a, node-b."""
    at: float
    cpu_s: tuple
    reads: tuple
    writes: tuple
    written: tuple
    flushes: tuple
    packets: tuple  # towards node-b, from it


class Meter:
    def __init__(self, trio):
        self.trio = trio
        self.vms = (trio.node_a, trio.node_b)

    def sample(self):
        cpu = tuple(self._cpu_s(vm) for vm in self.vms)
        disk = [self._disk(vm) for vm in self.vms]
        values = [tuple(d[key] for d in disk) for key in ("rd_operations", "wr_operations", "wr_bytes", "flush_operations")]
        return Sample(time.monotonic(), cpu, *values, self._packets())

    def writes(self, node):
        """Bytes that this node (0, 1) wrote to its disk so far."""
        return self._disk(self.vms[node])["wr_bytes"]

    @staticmethod
    def _cpu_s(vm):
        fields = open(f"/proc/{proc.recall(vm.pidfile)}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def _disk(vm):
        found = [each for each in qmp.command(vm._qmp, "query-blockstats") if each.get("node-name") == "data"]
        return found[0]["stats"]

    def _packets(self):
        out = subprocess.run(["ip", "-netns", self.trio.net.netns, "-s", "-j", "link", "show", net.tap("node-b", "rep")],
                             capture_output=True, text=True, check=True).stdout
        stats = json.loads(out)[0]["stats64"]
        return stats["tx"]["packets"], stats["rx"]["packets"]


def fio(vm, device, arguments, seconds, more=""):
    """Runs one job; returns fio's account of it."""
    out = vm.check(f"fio --name=b --filename={device} --ioengine=libaio --direct=1 --size={SIZE_MIB}m --time_based --runtime={seconds} --ramp_time={RAMP_S} "
                   f"--randrepeat=0 --norandommap --output-format=json {arguments} {more}", timeout=seconds + 90)
    job = json.loads(out[out.index("{"):])["jobs"][0]
    if job["error"]:
        raise RuntimeError(f"fio on {device}: error {job['error']}")
    return job


def _latency(job):
    side = job["write"] if job["write"]["total_ios"] else job["read"]
    clat = side["clat_ns"]
    return {"mean_us": clat["mean"] / 1e3, "p99_us": clat.get("percentile", {}).get("99.000000", 0) / 1e3, "max_us": clat["max"] / 1e3}


def run_job(meter, device, arguments, unit, seconds):
    """{"value", "mean_us", "p99_us"} and, of one stretch in the middle, the cost for each request."""
    with ThreadPoolExecutor(1) as pool:
        before = meter.sample()
        running = pool.submit(fio, meter.vms[0], device, arguments, seconds)
        while not running.done():
            now = meter.sample()
            if sum(now.writes) + sum(now.reads) - sum(before.writes) - sum(before.reads) > 24:
                break
            time.sleep(0.05)
        time.sleep(RAMP_S)
        first = meter.sample()
        time.sleep(seconds * 0.7)
        last = None if running.done() else meter.sample()
        job = running.result()
    sides = job["write"], job["read"]
    iops = sum(side["iops"] for side in sides)
    result = {"value": iops if unit == "IOPS" else sum(side["bw_bytes"] for side in sides) / 1e6, **_latency(job)}
    if last and iops:
        per = 1 / (iops * (last.at - first.at))
        for key, scale in (("cpu_s", 1e6), ("writes", 1), ("flushes", 1), ("packets", 1)):
            result[key] = [(e - b) * per * scale for b, e in zip(getattr(first, key), getattr(last, key))]
        result["window_s"] = last.at - first.at
    return result


def wait_complete(variant, limit_s):
    deadline = time.monotonic() + limit_s * settings.PATIENCE
    while not variant.complete():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{variant.name}: not in sync again after {limit_s * settings.PATIENCE:.0f} s")
        time.sleep(0.1)


def outage(meter, variant):
    """Short outage: some random writes while the peer's half is away. Bytes that go to node-b's disk until it is in sync again, and seconds."""
    vm = meter.vms[0]
    variant.out()
    vm.check(f"fio --name=o --filename={variant.device} --ioengine=libaio --direct=1 --rw=randwrite --bs=4k --iodepth=8 --size={OUTAGE_MIB}m "
             f"--number_ios={OUTAGE_WRITES} --randrepeat=0 --end_fsync=1 --output-format=json", timeout=60)
    before, start = meter.writes(1), time.monotonic()
    variant.back()
    wait_complete(variant, 60)
    return {"resynced_mib": (meter.writes(1) - before) / 2**20, "seconds": time.monotonic() - start}


def resync(meter, variant, seconds):
    """A whole resync: MB/s without load; then again under a steady load of small writes, and their latency."""
    before, start = meter.writes(1), time.monotonic()
    variant.whole()
    started = time.monotonic()
    wait_complete(variant, 90)
    idle = (meter.writes(1) - before) / (time.monotonic() - started) / 1e6
    load = f"--rw=randwrite --bs=4k --iodepth=1 --rate_iops={UNDER_RESYNC_IOPS}"
    calm = fio(meter.vms[0], variant.device, load, seconds)
    with ThreadPoolExecutor(1) as pool:
        variant.whole()
        before, start = meter.writes(1), time.monotonic()
        job = pool.submit(fio, meter.vms[0], variant.device, load, seconds)
        while not job.done() and not variant.complete():
            time.sleep(0.1)
        done, took = meter.writes(1) - before, time.monotonic() - start
        whole = variant.complete()
        busy = job.result()
    wait_complete(variant, 120)
    return {"idle_mb_s": idle, "busy_mb_s": done / took / 1e6, "whole": whole, "calm": _latency(calm), "busy": _latency(busy)}
