#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The web server of webhook.py: webhook_server.py ADDRESS PORT LOG REFUSALS.

The file REFUSALS has a number: each notice gets that many answers of 500 before its first 200. What came is a line of JSON in LOG, with the answer.
"""

import http.server
import json
import sys
from pathlib import Path

address, port, log, refusals = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])
refused = {}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        notice = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        which = json.dumps([notice["reporter"], notice["event"]["time"], notice["event"]["reason"], notice["event"]["sentence"]])
        status = 500 if refused.get(which, 0) < int(refusals.read_text()) else 200
        refused[which] = refused.get(which, 0) + (status == 500)
        with log.open("a") as to:
            to.write(json.dumps({"status": status, **notice}) + "\n")
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer((address, port), Handler).serve_forever()
