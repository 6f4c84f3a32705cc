# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the client of one mirror knows: every write that it asked for, what was answered, and so what must be on the mirror.

Pure: no clock, no socket. Times are monotonic seconds that the caller gives. One lock; any thread.

A write is *durable* when it was answered as durable by itself (flag d), or a flush that was sent after its answer was answered, by the same
generation of the service (generations order all services that ever ran on the mirror; chaos-load makes them). A write is *in doubt*
when its connection ended without an answer. A sector has one write at a time; one whose write is in doubt is taken again only when the
late write could be a broken promise and nothing else: a newer generation serves, or the same service has ended that writer's connection.

A read through the service address is *stale* when it shows less than what was durable before it was sent. Between an isolated primary's last
answers and the next one's first lies the lease, so that none may be stale, but from a machine that was paused: its clock, and the lease with it, stood
still. The model collects them, who knows of pauses judges (chaos).

After a round: each sector must hold its last covered write, or one that was asked for later. Covered: durable, or completed before the moment
from which a power cut may take what was not flushed (`uncovered_from` of verify()).
"""

import bisect
import collections
import random
import threading

WINDOWS, WINDOW_S = 12, 7
RECENT = 40


class Write:
    __slots__ = ("sequence", "sector", "writer", "generation", "sent", "done", "durable_at")

    def __init__(self, sequence, sector, writer, generation, sent):
        self.sequence, self.sector, self.writer, self.generation, self.sent = sequence, sector, writer, generation, sent
        self.done = None
        self.durable_at = None  # when its durability was answered

    durable = property(lambda self: self.durable_at is not None)

    def __str__(self):
        state = "in doubt" if self.done is None else "durable" if self.durable else "completed"
        return f"write {self.sequence} of sector {self.sector} (writer {self.writer}, generation {self.generation}, sent {self.sent:.3f}, {state})"


class Model:
    def __init__(self, sectors, seed):
        self.lock = threading.Lock()
        self.random = random.Random(seed)
        self.writes = {sector: [] for sector in range(sectors)}  # since the last verification; the first is what that found
        self.free = set(range(sectors))
        self.tempting = []        # free sectors whose last write is in doubt in an older generation: a late write would show here
        self.waiting = []         # sectors whose write is in doubt and may still be under way
        self.unflushed = {}       # generation -> completed writes without a flush, by time
        self.generations = {}     # generation -> (node, boot), as the services said
        self.first_done = {}      # generation -> when the first write was answered
        self.sequence = 0
        self.violations = []
        self.recent = collections.deque(maxlen=RECENT)  # sectors that became durable last: where a stale read would show
        self.stale = []           # {"answered", "node", "text"} of each stale read
        self.counts = {"sent": 0, "completed": 0, "durable": 0, "in_doubt": 0, "failed": 0, "read": 0}

    def _violate(self, text):
        self.violations.append(text)

    # -- what the writers report

    def hello(self, writer, node, boot, generation):
        """`writer` has a new connection. Its older writes of that generation and before are over."""
        with self.lock:
            known = self.generations.setdefault(generation, (node, boot))
            if known != (node, boot):
                self._violate(f"two services of generation {generation}: on {known[0]} (boot {known[1]}) and on {node} (boot {boot}): two nodes at a time")
            self._release(lambda w: w.generation < generation or (w.writer == writer and w.generation == generation))

    def _release(self, over):
        stay = []
        for write in self.waiting:
            if over(write):
                self.tempting.append(write.sector)
            else:
                stay.append(write)
        self.waiting = stay

    def begin(self, writer, generation, now):
        """A free sector and the next sequence for it: the Write that is about to be sent, or None when all sectors are taken."""
        with self.lock:
            if self.tempting and (not self.free or self.random.random() < 0.5):
                sector = self.tempting.pop(self.random.randrange(len(self.tempting)))
            elif self.free:
                sector = self._in_window(now)
                self.free.remove(sector)
            else:
                return None
            self.sequence += 1
            write = Write(self.sequence, sector, writer, generation, now)
            self.writes[sector].append(write)
            self.counts["sent"] += 1
            return write

    def _in_window(self, now):
        """A free sector of the part of the mirror that is written these seconds: the rest is at rest, so that its bitmap bits are cleared,
        and a resync by bitmap that forgot something shows."""
        size = max(1, len(self.writes) // WINDOWS)
        first = random.Random(int(now / WINDOW_S)).randrange(WINDOWS) * size
        for _ in range(50):
            sector = first + self.random.randrange(size)
            if sector in self.free:
                return sector
        return next(iter(self.free))

    def done(self, write, flag, now):
        """The write was answered. Flag d: it is durable; f: it and all that this generation had answered before it was sent are."""
        with self.lock:
            write.done = now
            self.counts["completed"] += 1
            self.free.add(write.sector)
            self._acknowledged(write.generation, write.sent, now)
            if flag == "n":
                self.unflushed.setdefault(write.generation, []).append(write)
                return
            self._durable(write, now)
            if flag == "f":
                self._flushed(write.generation, write.sent, now)

    def flushed(self, generation, sent, now):
        with self.lock:
            self._acknowledged(generation, sent, now)
            self._flushed(generation, sent, now)

    def failed(self, write):
        """An answer with an error: nothing is known of the write, but it is over."""
        with self.lock:
            self.counts["failed"] += 1
            self.free.add(write.sector)

    def lost(self, write):
        """The connection ended without an answer."""
        with self.lock:
            self.counts["in_doubt"] += 1
            self.waiting.append(write)

    def _durable(self, write, now):
        if not write.durable:
            write.durable_at = now
            self.counts["durable"] += 1
            self.recent.append(write.sector)

    def _flushed(self, generation, sent, now):
        pending = self.unflushed.get(generation, [])
        at = bisect.bisect_left(pending, sent, key=lambda w: w.done)
        for write in pending[:at]:
            self._durable(write, now)
        self.unflushed[generation] = pending[at:]

    def _acknowledged(self, generation, sent, now):
        self.first_done.setdefault(generation, now)
        newer = [(g, t) for g, t in self.first_done.items() if g > generation and t < sent]
        if newer:
            g, t = min(newer)
            self._violate(f"generation {generation} on {self.generations[generation][0]} answered at {now:.3f} what was sent at {sent:.3f}, after generation {g} on "
                          f"{self.generations[g][0]} had answered at {t:.3f}: a deposed primary acknowledged")

    # -- what readers see

    def to_read(self):
        """A sector whose last write is durable since lately, or None when there is none."""
        with self.lock:
            return self.random.choice(self.recent) if self.recent else None

    def read(self, sector, kind, sequence, generation, sent, now):
        """`sector` was read through the service address while it may have been written. A block that is not whole says nothing then."""
        with self.lock:
            self.counts["read"] += 1
            writes = self.writes[sector]
            covered = max((i for i, w in enumerate(writes) if w.durable and w.durable_at < sent), default=-1)
            if covered < 0 or kind not in ("good", "blank"):
                return
            if kind == "blank" or sequence not in (w.sequence for w in writes[covered:]):
                node = self.generations[generation][0]
                self.stale.append({"answered": now, "node": node, "text": f"a read of sector {sector} sent at {sent:.3f} and answered at {now:.3f} by generation {generation} on "
                                   f"{node} shows {'a blank block' if kind == 'blank' else f'sequence {sequence}'}, after {writes[covered]} was durable at {writes[covered].durable_at:.3f}"})

    # -- what must be there

    def verify(self, found, uncovered_from):
        """`found`: {sector: (kind, sequence, writer)} as read while nobody wrote; adds to `violations`. Writes completed at or after
        `uncovered_from` without a flush may be gone (infinity: none may). What was found counts as durable from now on (the caller flushed
        before it read). Returns counts for the report."""
        with self.lock:
            seen = {"sectors": 0, "checked": 0, "gone_unflushed": 0, "torn_in_doubt": 0}
            for sector, writes in self.writes.items():
                seen["sectors"] += 1
                if writes:
                    seen["checked"] += 1
                    self._verify_sector(sector, writes, found[sector], uncovered_from, seen)
            self.tempting += [write.sector for write in self.waiting]
            self.waiting = []
            self.unflushed = {}
            self.first_done = {g: t for g, t in self.first_done.items() if g == max(self.first_done)}
            return seen

    def _verify_sector(self, sector, writes, found, uncovered_from, seen):
        kind, sequence, _ = found
        covered = max((i for i, w in enumerate(writes) if w.durable or (w.done is not None and w.done < uncovered_from)), default=-1)
        allowed = {w.sequence: w for w in writes[max(covered, 0):]}
        newest_done = max((w.sequence for w in writes if w.done is not None), default=0)
        there = None
        if kind == "good" and sequence in allowed:
            there = allowed[sequence]
            seen["gone_unflushed"] += sequence < newest_done
        elif kind == "blank" and covered < 0:
            pass  # nothing that was ever written here was covered
        elif kind == "torn" and any(w.sequence for w in writes[covered + 1:]):
            seen["torn_in_doubt"] += 1  # a disk may tear what was in flight
        else:
            older = next((w for w in writes if kind == "good" and w.sequence == sequence), None)
            what = {"good": f"{older} came back" if older else f"sequence {sequence}, which is not of this round", "blank": "a blank block",
                    "torn": "a torn block", "misplaced": "a block of another sector", "error": "a read error"}[kind]
            self._violate(f"sector {sector}: found {what}; must be {writes[max(covered, 0)]}" +
                          (f" or one of {len(allowed) - 1} later ones" if len(allowed) > 1 else ""))
        if there:
            there.durable_at, there.done = there.durable_at or there.sent, there.done if there.done is not None else there.sent
        self.writes[sector] = [there] if there else []
