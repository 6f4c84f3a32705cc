# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls of hamon's API, each held against docs/openapi.json. Needs python3-jsonschema."""
import http.client
import json
import re
import socket
import sys
from pathlib import Path

import jsonschema

TOP = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "tests/integration/daemon"))

SPEC = json.loads((TOP / "docs/openapi.json").read_text())
METHODS = ("get", "post", "put", "delete", "patch")


def routes_of_spec():
    return {(m.upper(), path) for path, item in SPEC["paths"].items() for m in item if m in METHODS}


def routes_of_code():
    text = (TOP / "hamon/api/routes.c").read_text()
    return set(re.findall(r'X\((GET|POST|PUT|DELETE|PATCH), "([^"]+)", [A-Z]+, \w+\)', text))


def deref(node):
    while "$ref" in node:
        target = SPEC
        for part in node["$ref"][2:].split("/"):
            target = target[part]
        node = target
    return node


def operation(method, path):
    """The template and the operation that a request falls under."""
    bare = path.split("?")[0]
    for template, item in sorted(SPEC["paths"].items(), key=lambda i: i[0].count("{")):
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template).replace("/v1/nodes/[^/]+/[^/]+", "/v1/nodes/[^/]+/.+")
        if re.fullmatch(pattern, bare) and method.lower() in item:
            return template, item[method.lower()]
    return None, None


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=10):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        kind = (headers.get("Content-Type") or "").split(";")[0]
        self.kind = kind
        self.json = json.loads(body) if kind.endswith("json") and body else None


def validate(method, path, answer):
    passed_on = re.fullmatch("/v1/nodes/[^/]+(/.+)", path)
    if passed_on and answer.status not in (502, 504, 508):  # the other machine's answer is that of its own path
        return validate(method, "/v1" + passed_on[1], answer)
    template, op = operation(method, path)
    if op is None:
        assert answer.status in (404, 405, 401, 403), f"{method} {path}: {answer.status}, but it is not described"
        schema = SPEC["components"]["schemas"]["Problem"]
    else:
        responses = op["responses"]
        described = responses.get(str(answer.status)) or (responses.get("default") if answer.status >= 400 else None)
        assert described, f"{method} {template}: status {answer.status} is not described"
        content = deref(described).get("content")
        if content is None:
            assert not answer.body, f"{method} {template} {answer.status}: a body that is not described"
            return
        assert answer.kind in content, f"{method} {template} {answer.status}: '{answer.kind}' is not among {list(content)}"
        schema = content[answer.kind]["schema"]
        for name in deref(described).get("headers", {}):  # what is described is there
            assert name in answer.headers, f"{method} {template}: no {name}"
    if answer.json is not None:
        jsonschema.Draft202012Validator({**schema, "components": SPEC["components"]}).validate(answer.json)


def call(connection, method, path, body=None, headers=None, raw=None):
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    head = {"Content-Type": "application/json"} if data is not None else {}
    connection.request(method, path, body=data, headers={**head, **(headers or {})})
    r = connection.getresponse()
    answer = Answer(r.status, r.headers, r.read())
    connection.close()
    validate(method, path, answer)
    return answer
