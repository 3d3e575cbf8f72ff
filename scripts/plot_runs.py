#!/usr/bin/env python3
"""Draw runs as one SVG: training loss above, test accuracy below, over epochs; dots mark parameter averages.

  scripts/plot_runs.py --title TEXT --out runs.svg NAME=RUN_DIR [NAME=RUN_DIR ...]

Reads RUN_DIR/metrics.jsonl; needs nothing but Python. The loss is averaged over windows of 1/100 of the run.
"""
import argparse
import html
import json
import pathlib

WIDTH, PANEL, LEFT, RIGHT, TOP, GAP = 760, 210, 64, 16, 44, 40
COLOURS = ["#1f6fb4", "#d1495b", "#2e8b57", "#8a5fbf", "#c77c11"]
INK, GRID = "#333", "#ddd"


def read_run(path):
    rows = [json.loads(line) for line in (pathlib.Path(path) / "metrics.jsonl").read_text().splitlines()]
    steps = [r for r in rows if r["kind"] == "step" and r["loss"] is not None]
    width = max(1, len(steps) // 100)
    loss, averages = [], []
    for start in range(0, len(steps) - width + 1, width):
        window = steps[start:start + width]
        loss.append((window[-1]["epoch"], sum(r["loss"] for r in window) / width))
        if any(r["sync"] == "parameters" for r in window):
            averages.append(loss[-1])
    accuracy = [(r["epoch"], 100 * r["top1"]) for r in rows if r["kind"] == "eval"]
    return {"loss": loss, "averages": averages, "accuracy": accuracy}


def ticks(low, high, count=5):
    raw = (high - low) / count
    magnitude = 10 ** len(str(int(raw))) / 10 if raw >= 1 else 10 ** -len(str(int(1 / raw)))
    step = next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= raw)
    first = int(low / step) * step
    return [round(first + i * step, 6) for i in range(int((high - first) / step) + 1) if first + i * step >= low]


class Panel:
    """Axes for one quantity over epochs; collects SVG elements."""

    def __init__(self, top, epochs, values, label):
        self.top, self.epochs = top, epochs
        margin = 0.05 * (max(values) - min(values) or 1)
        self.low, self.high = min(values) - margin, max(values) + margin
        self.parts = [f'<text x="{LEFT}" y="{top - 8}" fill="{INK}" font-weight="600">{label}</text>']
        for value in ticks(self.low, self.high):
            y = self.y(value)
            self.parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{GRID}"/>'
                              f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="{INK}">{value:g}</text>')
        for epoch in ticks(0, epochs, 8):
            self.parts.append(f'<text x="{self.x(epoch):.1f}" y="{top + PANEL + 16}" text-anchor="middle" '
                              f'fill="{INK}">{epoch:g}</text>')

    def x(self, epoch):
        return LEFT + (WIDTH - RIGHT - LEFT) * epoch / self.epochs

    def y(self, value):
        return self.top + PANEL * (self.high - value) / (self.high - self.low)

    def line(self, points, colour):
        path = " ".join(f"{self.x(e):.1f},{self.y(v):.1f}" for e, v in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>')

    def dots(self, points, colour, radius):
        self.parts += [f'<circle cx="{self.x(e):.1f}" cy="{self.y(v):.1f}" r="{radius}" fill="{colour}"/>'
                       for e, v in points]


def draw(title, runs):
    epochs = max(point[0] for _, run in runs for point in run["loss"])
    loss = Panel(TOP + 20, epochs, [v for _, r in runs for _, v in r["loss"]], "training loss")
    accuracy = Panel(TOP + 20 + PANEL + GAP + 20, epochs, [v for _, r in runs for _, v in r["accuracy"]],
                     "test accuracy of the averaged model, %")
    legend = []
    for i, (name, run) in enumerate(runs):
        colour = COLOURS[i % len(COLOURS)]
        loss.line(run["loss"], colour)
        loss.dots(run["averages"], colour, 2.2)
        accuracy.line(run["accuracy"], colour)
        accuracy.dots(run["accuracy"], colour, 3)
        x = LEFT + 150 * i + 160
        legend.append(f'<path d="M{x} {TOP + 8}h22" stroke="{colour}" stroke-width="3"/>'
                      f'<text x="{x + 28}" y="{TOP + 12}" fill="{INK}">{html.escape(name)}</text>')
    height = TOP + 2 * PANEL + GAP + 90
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="24" font-size="16" font-weight="600" fill="{INK}">{html.escape(title)}</text>',
        *legend, *loss.parts, *accuracy.parts,
        f'<text x="{WIDTH - RIGHT}" y="{height - 12}" text-anchor="end" fill="{INK}">epoch</text>', "</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--title", default="")
    parser.add_argument("--out", required=True)
    parser.add_argument("runs", nargs="+", metavar="NAME=RUN_DIR")
    args = parser.parse_args()
    runs = []
    for item in args.runs:
        name, equals, path = item.partition("=")
        if not equals:
            parser.error(f"'{item}' is not NAME=RUN_DIR")
        runs.append((name, read_run(path)))
    pathlib.Path(args.out).write_text(draw(args.title, runs))


if __name__ == "__main__":
    main()
