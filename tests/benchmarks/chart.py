"""Draw the side-by-side benchmark's own output as one SVG of bars.

    python -m tests.benchmarks.chart RESULTS.jsonl CHART.svg

Bars are CPU time per call or chunk, as multiples of the floor that the benchmark
measured in the same rounds: the bare HTTP exchange plus LangChain's own work.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

SCENES = {
    "invoke small": "one short question",
    "invoke hist10": "10 turns with tools",
    "invoke tools20": "20 bound tools",
    "invoke hist200": "200 turns",
    "stream 2000 chunks": "one chunk of a stream",
}
CLIENTS = {
    "cf_gemini": ("langchain-cf-gemini", "#f38020"),
    "openai": ("langchain-openai", "#8a94a6"),
    "google_genai": ("langchain-google-genai", "#4f5d75"),
}
_LEFT, _WIDTH, _BAR, _GAP = 150, 420, 14, 14

Ratios = dict[str, dict[str, float]]


def ratios_from_lines(lines: Iterable[str]) -> Ratios:
    """Return scene -> client -> multiple of the floor; the last run counts."""
    ratios: Ratios = {}
    for line in lines:
        row = json.loads(line)
        scene = next((s for s in SCENES if row["suite"].startswith(s)), None)
        if scene and row.get("client") in CLIENTS and "r_sum" in row:
            ratios.setdefault(scene, {})[row["client"]] = row["r_sum"]
    return ratios


def svg_from_ratios(ratios: Ratios) -> str:
    """Return the chart; bars are cut where one of them would dwarf the others."""
    longest = 15.0
    y, bars = 34, []
    for scene, title in SCENES.items():
        if scene not in ratios:
            continue
        found = [(c, ratios[scene][c]) for c in CLIENTS if c in ratios[scene]]
        middle = y + len(found) * _BAR / 2 + 4
        bars.append(_text(_LEFT - 10, middle, title, anchor="end"))
        for client, ratio in found:
            width = max(2.0, min(ratio, longest) / longest * _WIDTH)
            colour = CLIENTS[client][1]
            bars.append(
                f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR - 2}" '
                f'fill="{colour}"/>'
            )
            cut = " (cut)" if ratio > longest else ""
            bars.append(_text(_LEFT + width + 6, y + 10, f"{ratio:.1f}{cut}"))
            y += _BAR
        y += _GAP
    legend = "".join(
        f'<rect x="{_LEFT + 165 * n}" y="8" width="10" height="10" fill="{colour}"/>'
        + _text(_LEFT + 165 * n + 15, 17, name)
        for n, (name, colour) in enumerate(CLIENTS.values())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 90}" '
        f'height="{y}" font-family="sans-serif" font-size="12">\n'
        "<title>CPU time as a multiple of the floor; shorter is better</title>\n"
        f'<rect width="100%" height="100%" fill="white"/>\n{legend}\n'
        + "\n".join(bars)
        + "\n</svg>\n"
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    place = f'x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"'
    return f'<text {place} fill="#222">{escape(text)}</text>'


def main() -> int:
    """Read the results, write the chart."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    results, chart = map(Path, sys.argv[1:])
    ratios = ratios_from_lines(results.read_text().splitlines())
    if not ratios:
        print(f"error: {results} holds no scene that the chart shows", file=sys.stderr)
        return 1
    chart.write_text(svg_from_ratios(ratios))
    return 0


if __name__ == "__main__":
    sys.exit(main())
