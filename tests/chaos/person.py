# SPDX-License-Identifier: LGPL-2.1-or-later
"""The person of docs/TROUBLESHOOTING.md, after a disk that failed: an error is latched until somebody has looked, and that is not chaos's to skip.

Only commands that the documentation gives, only for what status and nbdd say, and only in a round that made a disk fail.
"""

from cluster.cluster import NODES


def act(bed, say):
    """What was typed, as "node: command"; nothing typed: nobody was needed, or nothing is known that would help."""
    typed = []

    def type_in(node, command):
        code, out, err = bed.vms[node].run(command, timeout=60)
        typed.append(f"{node}: {command}")
        say(f"  person on {node}: {command} -> {code} {(out + err).strip()[:200]}")
        return code == 0

    looks = bed.looks()
    for number, mirror in enumerate(bed.mirrors):
        export = f"{0xd1 + number:#x}"
        for node in NODES:
            if _failed_export(bed, node, export):
                type_in(node, f"nbdd --revoke -i {export}")
                type_in(node, f"nbdd --clear-error -i {export}")
            m = next((m for m in looks.get(node, {}).get("mirrors", []) if m["name"] == mirror.name), {})
            if m.get("reason", {}).get("code") == "own-leg-failed":
                type_in(node, f"hamonctl mirror join {mirror.name} --overwrite")
    return typed


def _failed_export(bed, node, export):
    out = bed.vms[node].run("nbdd -l -a -s", timeout=20)[1]
    return any(export in line and "fail" in line.lower() for line in out.splitlines())
