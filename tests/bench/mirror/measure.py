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
SAMPLE_S = 0.2
TOUCHES = SIZE_MIB // 4
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


def fio(vm, device, arguments, seconds):
    """Runs one job; returns fio's account of it. What is written at random is written to once in each 4 MiB just before: neither md's bitmap nor DRBD's
    activity log then has to be written for a first touch, which would be most of what a slow machine measures in seconds."""
    warm = f"--name=warm --rw=write:4092k --bs=4k --iodepth=16 --number_ios={TOUCHES} --name=b --stonewall" if warms(arguments) else "--name=b"
    out = vm.check(f"fio --filename={device} --ioengine=libaio --direct=1 --size={SIZE_MIB}m --randrepeat=0 --norandommap --output-format=json {warm} "
                   f"--time_based --runtime={seconds} --ramp_time={RAMP_S} {arguments}", timeout=seconds + 90)
    job = json.loads(out[out.index("{"):])["jobs"][-1]
    if job["error"]:
        raise RuntimeError(f"fio on {device}: error {job['error']}")
    return job


def warms(arguments):
    return "--rw=rand" in arguments and "randread" not in arguments


def _latency(job):
    side = job["write"] if job["write"]["total_ios"] else job["read"]
    clat = side["clat_ns"]
    return {"mean_us": clat["mean"] / 1e3, "p99_us": clat.get("percentile", {}).get("99.000000", 0) / 1e3, "max_us": clat["max"] / 1e3}


def run_job(meter, device, arguments, unit, seconds):
    """{"value", "mean_us", "p99_us"} and, of one stretch in the middle, "cost": for each request that node-a's disk saw in it, which is each request of the
    application and what little the mirror writes for itself."""
    with ThreadPoolExecutor(1) as pool:
        samples, running = [meter.sample()], pool.submit(fio, meter.vms[0], device, arguments, seconds)
        while not running.done():
            time.sleep(SAMPLE_S)
            samples.append(meter.sample())
        job = running.result()
    sides = job["write"], job["read"]
    iops = sum(side["iops"] for side in sides)
    result = {"value": iops if unit == "IOPS" else sum(side["bw_bytes"] for side in sides) / 1e6, **_latency(job)}
    first, last = stretch(samples, "writes" if job["write"]["total_ios"] else "reads", seconds)
    delta = {key: [e - b for b, e in zip(getattr(first, key), getattr(last, key))] for key in ("cpu_s", "reads", "writes", "flushes", "packets")}
    requests = delta["reads"][0] + delta["writes"][0]
    if requests >= 10:
        result["cost"] = {key: [value / requests for value in values] for key, values in delta.items()}
    return result


def stretch(samples, side, seconds):
    """(first, last) of the middle of a job: it ends with the last of its requests that node-a's disk saw, and how long it lasted is known. What fio does before it, and how
    long that takes on a slow machine, is not; and who looks at the device afterwards only reads."""
    asked = [getattr(sample, side)[0] for sample in samples]
    end = next((samples[i].at for i in range(len(samples) - 1, 0, -1) if asked[i] > asked[i - 1]), samples[-1].at)
    inside = [sample for sample in samples if end - seconds * 0.9 <= sample.at <= end - seconds * 0.1]
    return (inside[0], inside[-1]) if inside else (samples[0], samples[0])


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
    """MB/s of a resync of everything over one stretch without load, then under a steady load of small writes, and their latency beside that without a
    resync. It is not waited for: at a kernel's own pace it may take minutes."""
    load = f"--rw=randwrite --bs=4k --iodepth=1 --rate_iops={UNDER_RESYNC_IOPS}"
    calm = fio(meter.vms[0], variant.device, load, seconds)
    variant.whole()
    idle = _pace(meter, variant, seconds)
    if variant.complete():
        variant.whole()
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(fio, meter.vms[0], variant.device, load, seconds)
        busy_pace = _pace(meter, variant, seconds * 2, job)
        busy = job.result()
    return {"idle_mb_s": idle, "busy_mb_s": busy_pace, "calm": _latency(calm), "busy": _latency(busy)}


def _pace(meter, variant, seconds, job=None):
    """MB/s that node-b's disk is written at, until all is in sync, the time is over or `job` is done."""
    before, start = meter.writes(1), time.monotonic()
    while time.monotonic() - start < seconds and not variant.complete() and not (job and job.done()):
        time.sleep(0.1)
    return (meter.writes(1) - before) / (time.monotonic() - start) / 1e6
