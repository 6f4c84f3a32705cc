# SPDX-License-Identifier: LGPL-2.1-or-later
"""What reports of seconds have in common: median and quantiles as table cells, a plot, and how busy the host was meanwhile."""

import json
import math
import time
from html import escape
from pathlib import Path
from statistics import median

SCALE_S = (0.01, 0.1, 1, 10, 100, 1000)


class Pressure:
    """How much of the time since it was made somebody on this host waited for a CPU; None where the kernel does not say."""

    def __init__(self):
        self.begin = self._total()
        self.since = time.monotonic()

    @staticmethod
    def _total():
        try:
            return int(Path("/proc/pressure/cpu").read_text().split("total=")[1].split()[0])
        except (OSError, IndexError, ValueError):
            return None

    def share(self):
        now = self._total()
        return None if now is None or self.begin is None else min(1.0, (now - self.begin) / 1e6 / max(time.monotonic() - self.since, 1e-3))


def store(path, data, key):
    """`data` as JSON, a line for each of data[key]: later ones are added to them, and every figure of a report can be counted again."""
    rest = {name: value for name, value in data.items() if name != key}
    lines = ",\n".join(json.dumps(each) for each in data[key])
    path.write_text(f'{json.dumps(rest)[:-1]}, "{key}": [\n{lines}\n]}}\n')


def figures(values):
    """count, median, 90th percentile and greatest, as table cells."""
    if not values:
        return "0 | | | "
    values = sorted(values)
    return f"{len(values)} | {median(values):.2f} | {values[min(len(values) - 1, math.ceil(len(values) * 0.9) - 1)]:.2f} | {values[-1]:.2f}"


def strips(title, rows, colours):
    """An SVG: a strip for each of `rows` ({words: {series: [seconds]}}), a dot for each value in the colour of its series, on a logarithmic scale."""
    left, width, height, top = 210, 640, 30, 40
    low, high = math.log10(SCALE_S[0]), math.log10(SCALE_S[-1])

    def x(seconds):
        return left + width * (math.log10(max(seconds, SCALE_S[0])) - low) / (high - low)

    bottom = top + height * len(rows)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 30} {bottom + 50}" font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="white"/>', f'<text x="{left}" y="20" font-size="14">{escape(title)}</text>']
    parts += [f'<line x1="{x(s):.1f}" y1="{top}" x2="{x(s):.1f}" y2="{bottom}" stroke="#ddd"/><text x="{x(s):.1f}" y="{bottom + 16}" text-anchor="middle">{s:g} s</text>'
              for s in SCALE_S]
    for i, (kind, series) in enumerate(rows.items()):
        y = top + height * i + height / 2
        parts.append(f'<text x="{left - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(kind)}</text>')
        for j, (mirror, values) in enumerate(series.items()):
            parts += [f'<circle cx="{x(v):.1f}" cy="{y + (j * 8 - 4 if len(series) > 1 else 0):.1f}" r="4" fill="{colours[mirror]}" fill-opacity="0.6"><title>{v:.2f} s</title></circle>'
                      for v in values]
    if any(len(series) > 1 for series in rows.values()):
        parts += [f'<circle cx="{left + i * 110}" cy="{bottom + 36}" r="4" fill="{c}"/><text x="{left + 8 + i * 110}" y="{bottom + 40}">{m}</text>'
                  for i, (m, c) in enumerate(colours.items())]
    return "\n".join(parts) + "\n</svg>\n"
