# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our cluster with PostgreSQL as its service, Debian's settings: what a database's clients see beside a program that only fsyncs. A client outside the nodes commits row
after row; the time of a take-over has the database's own recovery in it, and the client's time-outs (ledger.py)."""

from cluster import postgres
from cluster.cluster import NODES
from load import Load
from ours import PROFILE, Ours
from vmbed import Trio
from vmbed.net import SERVICE_ADDRESS

DISK_MIB = 512


class Commits(Load):
    """The same questions about commits instead of answered writes."""

    def __init__(self, trio):
        self.trio, self.path = trio, trio.folder / "commits.txt"
        self.process = trio.client_start(["/usr/bin/python3", str(postgres.LEDGER), SERVICE_ADDRESS, str(self.path)])

    def missing(self, vm):
        acknowledged = {number for number, _ in self.answers()}  # first: the client goes on
        there = {int(line) for line in postgres.psql(self.trio, "SELECT sequence FROM ledger").split()}
        return sorted(acknowledged - there)


class Postgresql(Ours):
    name, title = "postgresql", "hamon, PostgreSQL 15"
    calm_s = 1.5  # a database syncs many files at a time, also when nothing is amiss
    events = ["power-cut", "secondary-cut", "move"]

    @staticmethod
    def machines():
        return Trio.start(data_mib=DISK_MIB)

    def set_up(self):
        self.cluster.configure(profile=PROFILE)
        for node in NODES:
            self.cluster.wait(f"{node} hears everybody", lambda n=node: self.cluster.hears_all(n), 60)
        self.cluster.create()
        self.cluster.make_file_system()
        self.cluster.join()
        postgres.create(self.trio.node_a, self.trio.node_b)
        self.trio.node_a.check("hamonctl maintenance on data --for 10m", timeout=60)  # a restart of all daemons at once takes longer than their timers on such machines
        self.cluster.reconfigure(profile=PROFILE, units=[postgres.UNIT])
        self.cluster.wait("PostgreSQL answers at the service address", lambda: postgres.answers(self.trio), 300)
        self.trio.node_a.check("hamonctl maintenance off data", timeout=60)
        self.trio.node_a.check("""su postgres -c "psql -qc \\"CREATE ROLE bank LOGIN PASSWORD 'bank'\\" -c 'CREATE DATABASE bank OWNER bank'" """, timeout=120)
        postgres.psql(self.trio, "CREATE TABLE ledger (sequence bigint PRIMARY KEY)")

    def start_load(self):
        return Commits(self.trio)
