#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client outside the nodes that writes down each commit that PostgreSQL acknowledged: ledger.py HOST FILE [ACCESS].

One row a commit, numbered. A line "SEQUENCE MONOTONIC-SECONDS" goes to FILE only after COMMIT has returned; a commit whose outcome is
unknown (the connection died) is not in FILE and may or may not be in the table. Reconnects for ever; SIGTERM ends it after the current commit.
ACCESS are database, role and password as libpq writes them.
"""

import os
import signal
import sys
import time

import psycopg2

ACCESS = "dbname=bank user=bank password=bank"
CONNECT = "host={} {} connect_timeout=2 tcp_user_timeout=1000 keepalives_idle=1 keepalives_interval=1 keepalives_count=2"
stop = False


def ask_stop(*_):
    global stop
    stop = True


def main():
    host, path, access = (*sys.argv[1:], ACCESS)[:3]
    signal.signal(signal.SIGTERM, ask_stop)
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sequence = 0
    connection = None
    while not stop:
        try:
            if connection is None:
                connection = psycopg2.connect(CONNECT.format(host, access))
                cursor = connection.cursor()
            sequence += 1
            cursor.execute("INSERT INTO ledger (sequence) VALUES (%s)", (sequence,))
            connection.commit()
        except psycopg2.Error:
            if connection is not None:
                connection.close()
            connection = None
            time.sleep(0.05)
            continue
        os.write(out, f"{sequence} {time.monotonic():.3f}\n".encode())
    os.fsync(out)


if __name__ == "__main__":
    main()
