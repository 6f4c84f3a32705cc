# SPDX-License-Identifier: LGPL-2.1-or-later
"""PostgreSQL on the mirror: Debian's 15/main cluster with its data on the mount, Debian's default durability, data checksums on."""

import signal
import subprocess
from pathlib import Path

from .cluster import MOUNT, Failed

UNIT = "postgresql@15-main.service"
ACCESS = "host=10.99.0.100 dbname=bank user=bank password=bank connect_timeout=2"
LEDGER = Path(__file__).resolve().parent / "ledger.py"


def create(primary, standby):
    """Make the database cluster on the primary's mount and give the standby the same configuration under /etc."""
    primary.check(f"pg_createcluster --datadir {MOUNT}/pg 15 main -- --data-checksums --no-sync && sync", timeout=300)
    primary.check("conf=/etc/postgresql/15/main; "
                  "echo \"listen_addresses = '*'\" >>$conf/postgresql.conf; "
                  "echo manual >$conf/start.conf; "
                  "echo 'host bank bank 10.99.0.0/24 scram-sha-256' >>$conf/pg_hba.conf")
    standby.put("/tmp/pg-etc.tar", primary_tar(primary))
    standby.check("tar -C / -xf /tmp/pg-etc.tar && systemctl daemon-reload")
    primary.check("systemctl daemon-reload")


def primary_tar(primary):
    primary.check("tar -C / -cf /tmp/pg-etc.tar etc/postgresql/15")
    return primary.get("/tmp/pg-etc.tar")


def answers(trio):
    return trio.client(["pg_isready", "-h", "10.99.0.100", "-t", "2"], stdout=subprocess.DEVNULL).returncode == 0


def prepare(trio):
    vm = trio.node_a
    vm.check("""su postgres -c "psql -qc \\"CREATE ROLE bank LOGIN PASSWORD 'bank'\\" -c 'CREATE DATABASE bank OWNER bank'" """, timeout=60)
    vm.check("su postgres -c \"psql -q bank -c 'CREATE EXTENSION amcheck'\"", timeout=60)
    psql(trio, "CREATE TABLE ledger (sequence bigint PRIMARY KEY)")
    vm.check("su postgres -c 'pgbench -q -i -s 1 bank'", timeout=180)


def psql(trio, sql):
    done = trio.client(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", ACCESS, "-c", sql], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise Failed(f"psql '{sql[:60]}': {done.stderr.strip()}")
    return done.stdout


def start_load(trio, ledger_file):
    """pgbench on the primary's own socket (it dies with the node) and the ledger client outside; returns the processes here."""
    trio.node_a.check("(su postgres -c 'pgbench -n -c 2 -T 600 bank' >/dev/null 2>&1 &)")
    return [trio.client_start(["/usr/bin/python3", str(LEDGER), "10.99.0.100", str(ledger_file)])]


def stop_load(processes):
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def compare(trio, survivor, acknowledged, say):
    """Every acknowledged commit is in the table; the database is sound."""
    there = {int(line) for line in psql(trio, "SELECT sequence FROM ledger").split()}
    lost = sorted(set(acknowledged) - there)
    if lost:
        raise Failed(f"{len(lost)} acknowledged commits are lost, the first: {lost[:5]}")
    say(f"{len(acknowledged)} commits were acknowledged, all are there; {len(there - set(acknowledged))} more were in doubt and are there, too")
    survivor.check("su postgres -c '/usr/lib/postgresql/15/bin/pg_amcheck --heapallindexed bank'", timeout=300)
    checksums = survivor.check("su postgres -c 'psql -Atc \"SHOW data_checksums\"'", timeout=30).strip()
    if checksums != "on":
        raise Failed(f"data checksums are '{checksums}'")
