# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine that attaches devices with nbdc, as the tests of this folder use it."""

import json
import time

from vmbed import GuestTimeout, settings


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
        """
        Ends a fio; see result(). The signal is for the parent, which tells its worker by shared memory: a worker that a signal interrupts in
        io_getevents() after a part of its events waits for as many again (fio 3.33, engines/libaio.c: actual_min is not lessened), for ever.
        """
        self.vm.check(f"systemctl kill --kill-whom=main -s INT {name}")
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


def refused(vm, arguments, code_wanted, *words):
    """One line, this exit status, and the words that say what to do; and it is soon."""
    begin = time.monotonic()
    code, out, err = vm.run(f"nbdc {arguments}", timeout=40)
    expect(code == code_wanted and err.count("\n") == 1 and out == "" and all(word in err for word in words),
           f"nbdc {arguments}: exit {code}, {err!r} {out!r}; expected exit {code_wanted} with {words}")
    print(f"           nbdc {arguments}\n             {err.strip()}   ({time.monotonic() - begin:.1f} s)", flush=True)


def io_errors(vm):
    return [line for line in vm.check("dmesg").splitlines() if "I/O error, dev nbd" in line]


# Where a request is that nobody counts, who sleeps on what, and what the connection has to say. The bed's machines have no debugfs unless asked.
EVIDENCE = """nbdc --status
mount -t debugfs none /sys/kernel/debug 2>/dev/null
for d in /sys/block/nbd*/pid; do d=${d%/pid}; cd /sys/kernel/debug/block/${d##*/} && grep -s . state requeue_list hctx*/busy hctx*/dispatch hctx*/state; grep -s busy= hctx*/tags; done
grep -s . /sys/kernel/debug/nbd/nbd*/* | head -40
for d in /sys/block/nbd*/pid; do d=${d%/pid}; [ -e $d/pid ] && grep . $d/stat $d/inflight $d/queue/io_timeout $d/queue/scheduler; done
ss -tinoe '( dport = :4343 or sport = :4343 )'; cat /proc/net/tls_stat 2>/dev/null
ps -eo pid=,stat= | while read -r p s; do case $s in D*) echo "== $p $(tr '\\0' ' ' </proc/$p/cmdline)"; cat /proc/$p/stack;; esac; done
for p in $(ps -eo pid=,wchan= | awk '$2 == "read_events" {print $1}'); do
    echo "== $p waits for events of AIO: $(cut -d' ' -f1-4 /proc/$p/syscall) (call, context, least, most); the context's id, size, head, tail:"
    dd if=/proc/$p/mem bs=1 skip=$(($(cut -d' ' -f2 /proc/$p/syscall))) count=16 2>/dev/null | od -An -tu4; done
for t in $(pgrep -w nbdc); do echo "== nbdc $t $(cat /proc/$t/comm)"; cat /proc/$t/stack; done
journalctl -b --no-pager -o short-monotonic -n 60 -u 'nbdc@*' -u nbdd; dmesg | tail -n 40"""


def evidence(*vms):
    """Prints what is needed to understand a request that hangs."""
    for vm in vms:
        try:
            print(f"---- {vm.name}\n" + vm.run(EVIDENCE, timeout=40)[1], flush=True)
        except (GuestTimeout, RuntimeError) as error:
            print(error, flush=True)
