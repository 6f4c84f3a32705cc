# SPDX-License-Identifier: LGPL-2.1-or-later
"""The entries of docs/TROUBLESHOOTING.md, "By symptom", typed as they stand there. A comment `<!-- on: ROLE... -->` before an indented block says where.

What a test does instead of a person: it knows who is active, puts in the ID that `nbdd -l` has shown, and says --yes where a person would type a name.
"""

import re
from dataclasses import dataclass

from cluster.cluster import Failed
from vmbed import settings

PAGE = settings.TOP / "docs/TROUBLESHOOTING.md"
CHAPTER = "## By symptom\n"
CONSENT = re.compile(r"hamonctl mirror replace \S+$")


@dataclass(frozen=True)
class Block:
    roles: tuple
    lines: tuple


def entries(text):
    """{heading: [Block]} of the chapter, in the page's order."""
    chapter = text.split(CHAPTER, 1)[1].split("\n## ", 1)[0]
    found = {}
    for entry in re.split(r"^### ", chapter, flags=re.M)[1:]:
        heading, _, body = entry.partition("\n")
        marked = re.findall(r"^<!-- on: ([a-z ]+) -->\n((?:    .*\n)+)", body, re.M)
        if len(marked) != body.count("<!-- on:") or len(re.findall(r"(?:^    .*\n)+", body, re.M)) != len(marked):
            raise Failed(f"in '{heading}' a block has no mark, or a mark no block")
        found[heading] = [Block(tuple(roles.split()), tuple(line[4:] for line in lines.splitlines())) for roles, lines in marked]
    return found


class Handbook:
    """Somebody who goes by the page, entry by entry; `machine(role)` is the Vm of active, standby or witness, `say(text)` a line of progress."""

    def __init__(self, machine, say):
        self.machine, self.say = machine, say
        self.entries = entries(PAGE.read_text())
        self.heading, self.left = None, []

    def open(self, heading):
        self.close()
        if heading not in self.entries:
            raise Failed(f"docs/TROUBLESHOOTING.md has no entry '{heading}'")
        self.heading, self.left = heading, list(self.entries.pop(heading))

    def close(self):
        """Nothing of the entry was left out."""
        if self.left:
            raise Failed(f"in '{self.heading}' these were not typed: {self.left}")

    def end(self):
        self.close()
        if self.entries:
            raise Failed(f"these entries were not followed: {list(self.entries)}")

    def take(self):
        """The next block, for somebody who types it in another way."""
        if not self.left:
            raise Failed(f"'{self.heading}' has no further block")
        return self.left.pop(0)

    def type(self, timeout=120, wants=True, **put_in):
        """The next block of the entry; what its lines printed, each role's after the other's. `wants`: they must succeed."""
        block, printed = self.take(), ""
        for role in block.roles:
            for line in block.lines:
                for word, value in put_in.items():
                    line = line.replace(word, value)
                command = f"{line} --yes" if CONSENT.match(line) else line
                code, out, err = self.machine(role).run(command, timeout=timeout)
                self.say(f"  {role}# {line}")
                if wants and code != 0:
                    raise Failed(f"'{self.heading}': {role}# {line} ended with {code}: {out}{err}")
                printed += out + err
        return printed
