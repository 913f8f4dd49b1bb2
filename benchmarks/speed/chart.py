"""A bar chart of the figures, as SVG: the service beside the floor, in light and dark.

python -m benchmarks.speed.chart FIGURES.json > CHART.svg
"""

import json
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

Figure = dict[str, Any]
"""One line of the report, as in the JSON."""

WIDTH, LABELS, VALUES, BAR, GAP, TOP = 860, 320, 70, 11, 12, 52
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.value { font-size: 11px } .note { font-size: 12px }
.ground { fill: #fff } .service { fill: #1a7f5a } .floor { fill: #b6bfc9 }
.axis { stroke: #8b949e }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .ground { fill: #0d1117 } .service { fill: #3fb68b } .floor { fill: #57606a }
}"""


def svg(figures: Sequence[Figure]) -> str:
    """Changes, and below them reads, each on its own scale."""
    groups = {
        "Changes per second": [one for one in figures if not one["is_read"]],
        "Reads per second": [one for one in figures if one["is_read"]],
    }
    parts, y = [_legend()], TOP
    for title, group in groups.items():
        if group:
            drawn, y = _group(title, group, y)
            parts += drawn
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img"'
        f' aria-label="Requests per second of the service and of the floor">\n'
        f"<style>{STYLE}</style>\n"
        f'<rect class="ground" width="{WIDTH}" height="{y}"/>\n{body}\n</svg>\n'
    )


def _legend() -> str:
    note = "the same SQL without a framework, as many processes as connections"
    return (
        f'<rect class="service" x="10" y="14" width="{BAR}" height="{BAR}"/>'
        '<text class="note" x="28" y="24">the service, over HTTP</text>'
        f'<rect class="floor" x="190" y="14" width="{BAR}" height="{BAR}"/>'
        f'<text class="note" x="208" y="24">the floor: {note}</text>'
    )


def _group(title: str, figures: Sequence[Figure], y: int) -> tuple[list[str], int]:
    """Its elements, and where the next group begins."""
    sides = [one[side] for one in figures for side in ("service", "floor") if one[side]]
    scale = (WIDTH - LABELS - VALUES) / max(side["per_second"]["median"] for side in sides)
    parts, top = [f'<text class="title" x="10" y="{y + 14}">{title}</text>'], y + 24
    y = top + GAP // 2
    for one in figures:
        drawn, y = _pair(one, scale, y)
        parts += drawn
    parts.append(f'<path class="axis" d="M{LABELS} {top}V{y - GAP // 2}"/>')
    return parts, y + GAP


def _pair(one: Figure, scale: float, y: int) -> tuple[list[str], int]:
    width = one["connections"]
    label = f"{one['title']}, {width} connection{'s' if width > 1 else ''}"
    shown = [side for side in ("service", "floor") if one[side]]
    middle = y + BAR * len(shown) / 2 + 4
    parts = [f'<text x="{LABELS - 8}" y="{middle:g}" text-anchor="end">{escape(label)}</text>']
    for side in shown:
        rate = one[side]["per_second"]["median"]
        end = LABELS + max(rate * scale, 1)
        parts.append(
            f'<rect class="{side}" x="{LABELS}" y="{y}" width="{end - LABELS:.1f}" height="{BAR}"/>'
            f'<text class="value" x="{end + 5:.1f}" y="{y + BAR - 1}">{rate:.0f}</text>'
        )
        y += BAR
    return parts, y + GAP


if __name__ == "__main__":
    print(svg(json.loads(Path(sys.argv[1]).read_text())["figures"]), end="")
