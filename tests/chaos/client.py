#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The client of one mirror, outside the nodes: writes through the service address and straight at each node, and keeps the ledger.

    client.py PORT SECTORS SEED LEDGER SERVICE-ADDRESS NODE-ADDRESS...

Straight at each node, because a deposed primary no longer has the service address, and its answers are what must not come. Commands come as
lines on stdin, each is answered by one JSON line on stdout: `run`, `pause` (all writers stop, connections stay open), `verify UNCOVERED_FROM ADDRESS`
(paused; reads all sectors through the service on the node with that address and judges them), `state`, `forgive` (what was found broken so far counts
no more), `end`. A reader at the service address looks all the time whether it shows what is known to be there.
LEDGER gets a line for each answered write: SENT DONE WRITER GENERATION NODE FLAG SEQUENCE SECTOR.
"""

import json
import random
import socket
import sys
import threading
import time

from model import Model

SERVICE_WRITERS = 3  # numbers 0 to 2; chaos counts their answers as availability
# n plain, d FUA, f then flush. By the seed: without FUA writes, flushes alone must do what FUA writes would do besides.
FLAGS = ("nnnnddf", "nnnnnnf")
CONNECT_TIMEOUT_S = 1.0
ANSWER_TIMEOUT_S = 20.0  # then the connection is given up and the write is in doubt; a frozen write may well complete
# A peer that is gone is noticed sooner than that.
DEAD_PEER = ((socket.TCP_USER_TIMEOUT, 1500), (socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 2))
VERIFY_TIMEOUT_S = 60.0
# Between the writes of a writer: an emulated node has better things to do. Twice as long as the last answer took, so that the load is what the node can
# bear with time to spare for its daemons, within these bounds.
PACE_S, SLOWEST_PACE_S = 0.1, 0.6


class Connection:
    """One connection of one writer to the service at `address`."""

    def __init__(self, address, port, writer, timeout_s=CONNECT_TIMEOUT_S):
        self.socket = socket.create_connection((address, port), timeout=timeout_s)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((socket.TCP_NODELAY, 1), *DEAD_PEER):
            self.socket.setsockopt(socket.IPPROTO_TCP, option, value)
        self.socket.settimeout(max(timeout_s, ANSWER_TIMEOUT_S))
        self.stream = self.socket.makefile("rb")
        self.send(f"C {writer}")
        word, self.node, self.boot, generation = self.line().split()
        if word != "H":
            raise ConnectionError("no greeting")
        self.generation = int(generation)

    def send(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def line(self):
        line = self.stream.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the service hung up")
        return line.decode()

    def close(self):
        self.stream.close()
        self.socket.close()


class Client:
    def __init__(self, port, sectors, seed, ledger, addresses):
        self.port, self.sectors, self.addresses = port, sectors, addresses
        self.model = Model(sectors, seed)
        self.flags = FLAGS[seed % len(FLAGS)]
        self.ledger = open(ledger, "a", buffering=1)
        self.running = threading.Event()
        self.busy = 0
        self.idle = threading.Condition()
        self.writers = [(i, addresses[0]) for i in range(SERVICE_WRITERS)]
        self.writers += [(SERVICE_WRITERS + i, address) for i, address in enumerate(addresses[1:])]
        for number, address in self.writers:
            dice = random.Random(seed * 100 + number)
            threading.Thread(target=self.work_for_ever, args=(number, address, lambda c, n=number, d=dice: self.write_one(c, n, d.choice(self.flags))), daemon=True).start()
        threading.Thread(target=self.work_for_ever, args=(len(self.writers), addresses[0], self.read_one), daemon=True).start()

    def work_for_ever(self, number, address, work):
        """work(connection) again and again while running, over a connection as `number`, made anew whenever it broke."""
        connection = None
        while True:
            self.running.wait()
            with self.idle:
                if not self.running.is_set():
                    continue
                self.busy += 1
            try:
                if connection is None:
                    connection = Connection(address, self.port, number)
                    self.model.hello(number, connection.node, connection.boot, connection.generation)
                begin = time.monotonic()
                work(connection)
                nap = min(max(PACE_S, 2 * (time.monotonic() - begin)), SLOWEST_PACE_S)
            except (OSError, ValueError):
                if connection is not None:
                    connection.close()
                connection = None
                nap = 0.1
            finally:
                with self.idle:
                    self.busy -= 1
                    self.idle.notify_all()
            time.sleep(nap)

    def write_one(self, connection, number, flag):
        write = self.model.begin(number, connection.generation, time.monotonic())
        if write is None:
            return
        try:
            connection.send(f"W {write.sector} {write.sequence} {flag}")
            answer = connection.line()
        except (OSError, ValueError):
            self.model.lost(write)
            raise
        now = time.monotonic()
        if answer.startswith("K"):
            self.model.done(write, flag, now)
            self.ledger.write(f"{write.sent:.3f} {now:.3f} {number} {connection.generation} {connection.node} {flag} {write.sequence} {write.sector}\n")
        else:
            self.model.failed(write)
            raise ConnectionError(f"the service answered '{answer.strip()}'")

    def read_one(self, connection):
        sector = self.model.to_read()
        if sector is None:
            return
        sent = time.monotonic()
        connection.send(f"R {sector} 1")
        _, kind, sequence, _, _ = connection.line().split()
        self.model.read(sector, kind, int(sequence), connection.generation, sent, time.monotonic())

    # -- commands

    def run(self):
        self.running.set()
        return {}

    def pause(self):
        self.running.clear()
        with self.idle:
            self.idle.wait_for(lambda: self.busy == 0)
        return {}

    def verify(self, uncovered_from, address):
        """All sectors as they are, after a flush, with every older connection of every writer ended and its requests with it."""
        reader = None
        for number, _ in self.writers:
            if reader:
                reader.close()
            reader = Connection(address, self.port, number, VERIFY_TIMEOUT_S)
            self.model.hello(number, reader.node, reader.boot, reader.generation)
        reader.send("S")
        if not reader.line().startswith("K"):
            raise ConnectionError("the flush before the verification failed")
        reader.send(f"R 0 {self.sectors}")
        found = {}
        for _ in range(self.sectors):
            sector, kind, sequence, writer, _ = reader.line().split()
            found[int(sector)] = (kind, int(sequence), int(writer))
        reader.close()
        seen = self.model.verify(found, float(uncovered_from))
        answer = {**self.state(), "seen": seen, "node": reader.node, "generation": reader.generation}
        self.model.stale = []  # told; those of the next round are told by the next verification
        return answer

    def forgive(self):
        self.model.violations.clear()
        self.model.stale.clear()
        return {}

    def state(self):
        return {"violations": self.model.violations, "stale": self.model.stale, "counts": self.model.counts, "generations": len(self.model.generations)}


def main():
    port, sectors, seed, ledger, *addresses = sys.argv[1:]
    client = Client(int(port), int(sectors), int(seed), ledger, addresses)
    for line in sys.stdin:
        word, *arguments = line.split()
        if word == "end":
            break
        try:
            answer = {"run": client.run, "pause": client.pause, "verify": client.verify, "forgive": client.forgive, "state": client.state}[word](*arguments)
        except (OSError, ValueError) as error:
            answer = {"error": f"{type(error).__name__}: {error}", **client.state()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
