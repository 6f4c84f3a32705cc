# SPDX-License-Identifier: LGPL-2.1-or-later
"""PostgreSQL on mirror data, with a client outside the nodes that writes down each acknowledged commit."""

from cluster import postgres
from cluster.cluster import Failed
from vmbed import settings


class Database:
    """Owns the ledger client; the server is a unit of the service."""

    def __init__(self, trio):
        self.trio = trio
        self.ledger = trio.folder / "ledger-postgres.txt"
        self.client = []

    def create(self):
        postgres.create(self.trio.node_a, self.trio.node_b)

    def start(self, wait):
        wait("PostgreSQL answers at the service address", self.answers, 300 * settings.PATIENCE)
        vm = self.trio.node_a
        vm.check("""su postgres -c "psql -qc \\"CREATE ROLE bank LOGIN PASSWORD 'bank'\\" -c 'CREATE DATABASE bank OWNER bank'" """, timeout=120)
        vm.check("su postgres -c \"psql -q bank -c 'CREATE EXTENSION amcheck'\"", timeout=120)
        postgres.psql(self.trio, "CREATE TABLE ledger (sequence bigint PRIMARY KEY)")
        self.client = [self.trio.client_start(["/usr/bin/python3", str(postgres.LEDGER), "10.99.0.100", str(self.ledger)])]

    def answers(self):
        return postgres.answers(self.trio)

    def acknowledged(self):
        text = self.ledger.read_text() if self.ledger.exists() else ""
        return [int(line.split()[0]) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def judge(self):
        """(how many commits were acknowledged, the acknowledged ones that are not in the table)."""
        acknowledged = self.acknowledged()  # first: what is acknowledged later need not be in what is read now
        there = {int(line) for line in postgres.psql(self.trio, "SELECT sequence FROM ledger").split()}
        return len(acknowledged), sorted(set(acknowledged) - there)

    def check_pages(self, vm):
        """Every index and heap page, as PostgreSQL itself judges them."""
        code, out, err = vm.run("su postgres -c '/usr/lib/postgresql/15/bin/pg_amcheck --heapallindexed bank'", timeout=300)
        if code != 0:
            raise Failed(f"pg_amcheck: {(out + err).strip()[-500:]}")

    def end(self):
        postgres.stop_load(self.client)
        self.client = []
