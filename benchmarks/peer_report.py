"""Lines of measured JSON as a table in Markdown and as a plot.

    python benchmarks/peer_report.py bench.jsonl --table bench.md --plot bench.svg

In: what `peers.py` wrote, of one run or several after one another. Out: for each model and
contender milliseconds, how many times as fast neuralc is (more than 1: neuralc wins), with the 95 %
interval, and the share of the machine's limit; errors of lower precision; goals and what was
reached; those that took no part with the reason. Where a pair was measured more than once, the last
counts.
"""

from __future__ import annotations

import argparse
import json
import math
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from peer_goals import goals

Line = Mapping[str, Any]
HEADINGS = (
    "contender",
    "ms",
    "quartiles",
    "its time / neuralc's",
    "GFLOP/s",
    "share of the limit",
    "first answer s",
    "RSS MB",
)
ERRORS = ("largest / spread", "rms / spread", "least cosine", "mean cosine", "ranking")
OURS = "neuralc"
REFERENCES = (OURS, "neuralc-gpu")


def figures_of(lines: Iterable[Line]) -> dict[tuple[str, str], Line]:
    return {(line["model"], line["contender"]): line for line in lines if "contender" in line}


def best_peer(lines: Mapping[tuple[str, str], Line], model: str) -> Line | None:
    """The fastest contender on a model that is not ours."""
    peers = [
        line
        for (name, contender), line in lines.items()
        if name == model
        and contender.split("-")[0] != OURS
        and line.get("group", "fp32") in ("fp32", "gpu")
        and line["status"] == "measured"
    ]
    return min(peers, key=lambda line: float(line["ours_is_faster"]), default=None)


def ratio(line: Line) -> str:
    return f"{line['ours_is_faster']:.3f} ({line['low']:.3f}–{line['high']:.3f})"


def markdown(lines: Iterable[Line]) -> str:
    lines = list(lines)
    found = figures_of(lines)
    limits = limits_of(lines)
    models = list(dict.fromkeys(model for model, _ in found))
    text = [*machines(lines), *told_limits(limits)]
    for model in models:
        here = [line for (name, _), line in found.items() if name == model]
        sized = next((line for line in here if line["status"] == "measured"), None)
        if sized is None:
            text += ["", *(f"**{model}**: {line['title']}: {line['status']}" for line in here)]
            continue
        text += [
            "",
            f"**{model}**: {sized['gflop']:.3g} GFLOP, {threads(sized)}, "
            f"{sized['clock']} time, {sized['rounds']} rounds",
            "",
            f"| {' | '.join(HEADINGS)} |",
            "|---|" + "--:|" * (len(HEADINGS) - 1),
        ]
        for line in here:
            if line["status"] != "measured":
                text.append(f"| {line['title']} | {line['status']} | | | | | | |")
                continue
            low, high = line["quartiles_ms"]
            compared = "" if line["contender"] in REFERENCES else ratio(line)
            speed = line["gflop"] / line["median_ms"] * 1e3
            reached = share(line, limits)
            text.append(
                f"| {line['title']} | {line['median_ms']:.4g} | {low:.4g}–{high:.4g} | {compared} "
                f"| {speed:.0f} | {'' if reached is None else f'{reached:.0%}'} "
                f"| {line['first_answer_s']:.2f} | {line['peak_rss_mb']:.0f} |"
            )
        text += errors(here)
    text += ["", *summary(found, models)]
    bests = [line for model in models if (line := best_peer(found, model)) is not None]
    if bests:
        logs = [math.log(line["ours_is_faster"]) for line in bests]
        each = ", ".join(f"{line['model']} {line['title']} {ratio(line)}" for line in bests)
        text += [
            "",
            f"Against the best peer of each model ({each}): "
            f"geometric mean {math.exp(sum(logs) / len(logs)):.3f}.",
        ]
    if rows := [goal.row for goal in goals(found)]:
        text += ["", "| | goal | reached | |", "|---|--:|--:|---|", *rows]
    return "\n".join(text).strip() + "\n"


def limits_of(lines: Iterable[Line]) -> dict[tuple[str, int, str], Line]:
    """By what, threads and clock."""
    return {
        (line["limit"], line["threads"], line["clock"]): line for line in lines if "limit" in line
    }


def told_limits(limits: Mapping[tuple[str, int, str], Line]) -> list[str]:
    told = [
        f"{name} {line['best']:.3g} {line['unit']} ({threads(line)}, {clock} time)"
        for (name, _, clock), line in limits.items()
    ]
    return ["", f"Limits of the machine: {', '.join(told)}."] if told else []


def share(line: Line, limits: Mapping[tuple[str, int, str], Line]) -> float | None:
    """What the products that the answer needs would take at the limit, over what was taken; None
    where the limit was not measured, and at lower precision, to which it does not apply."""
    limit = limits.get(("sgemm", line["threads"], line["clock"]))
    if limit is None or line.get("group", "fp32") != "fp32" or "needed_gflop" not in line:
        return None
    reached: float = line["needed_gflop"] / limit["best"] / (line["median_ms"] * 1e-3)
    return reached


def errors(here: Iterable[Line]) -> list[str]:
    """A table of how far answers at lower precision lie from ours at full."""
    rows = []
    for line in here:
        error = line.get("error")
        if line["status"] != "measured" or line.get("group") != "int8" or not error:
            continue
        ranking = "" if error["ranking"] is None else f"{error['ranking']:.5f}"
        faster = f"{1 / line['ours_is_faster']:.2f}"
        rows.append(
            f"| {line['title']} | {faster} | {error['largest_over_spread']:.3g} "
            f"| {error['rms_over_spread']:.3g} | {error['cosine']:.5f} "
            f"| {error['mean_cosine']:.5f} | {ranking} |"
        )
    if not rows:
        return []
    headings = " | ".join(("times as fast as neuralc fp32", *ERRORS))
    return ["", f"| lower precision | {headings} |", "|---|--:|" + "--:|" * len(ERRORS), *rows]


def threads(line: Line) -> str:
    return f"{line['threads']} thread{'s' if line['threads'] > 1 else ''}"


def summary(found: Mapping[tuple[str, str], Line], models: list[str]) -> list[str]:
    """All models side by side: neuralc's milliseconds, and times over neuralc's."""
    titles = {contender: line["title"] for (_, contender), line in found.items()}
    rows = [f"| | {' | '.join(models)} |", "|---|" + "--:|" * len(models)]
    for contender, title in titles.items():
        cells = []
        for model in models:
            line = found.get((model, contender))
            if line is None:
                cells.append("")
            elif line["status"] != "measured":
                cells.append("–")
            elif contender in REFERENCES:
                cells.append(f"{line['median_ms']:.4g} ms")
            else:
                cells.append(ratio(line))
        rows.append(f"| {title} | {' | '.join(cells)} |")
    return rows


def machines(lines: Iterable[Line]) -> list[str]:
    """Processor and versions, once for each that differs."""
    told = []
    for line in lines:
        if "processor" in line:
            versions = ", ".join(f"{name} {each}" for name, each in line["versions"].items())
            device = f" {line['device']}." if "device" in line else ""
            told.append(f"{line['processor']}, {line['cores']} cores.{device} {versions}.")
    return list(dict.fromkeys(told))


def plot(lines: Iterable[Line], path: Path) -> None:
    """Bars of each contender's speed over neuralc's, by model, with intervals."""
    import matplotlib

    matplotlib.use("Agg")
    # An image that is drawn from the same figures has the same bytes.
    matplotlib.rcParams["svg.hashsalt"] = "neuralc"
    from matplotlib import pyplot

    lines = list(lines)
    found = figures_of(lines)
    models = list(dict.fromkeys(model for model, _ in found))
    hidden = (*REFERENCES, f"{OURS}-session")
    shown = {name: line["title"] for (_, name), line in found.items() if name not in hidden}
    width = 0.8 / max(1, len(shown))
    figure, axes = pyplot.subplots(figsize=(1.6 * len(models) + 3.5, 4.2), layout="constrained")
    for place, (contender, title) in enumerate(shown.items()):
        xs, heights, below, above = [], [], [], []
        for index, model in enumerate(models):
            line = found.get((model, contender))
            if line is None or line["status"] != "measured":
                continue
            xs.append(index + (place - (len(shown) - 1) / 2) * width)
            heights.append(1 / line["ours_is_faster"])
            below.append(heights[-1] - 1 / line["high"])
            above.append(1 / line["low"] - heights[-1])
        axes.bar(xs, heights, width * 0.9, yerr=(below, above), label=title, error_kw={"lw": 0.8})
    axes.axhline(1, color="black", lw=1)
    axes.set_xticks(range(len(models)), models)
    axes.set_ylabel("speed, neuralc = 1 (higher is faster)")
    told = [part for text in machines(lines) for part in textwrap.wrap(text, 120)]
    axes.set_title("\n".join(told), fontsize=8)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    pyplot.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("lines", nargs="+", type=Path)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    lines = [
        json.loads(line)
        for path in options.lines
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    table = markdown(lines)
    if options.table:
        options.table.write_text(table, encoding="utf-8")
    else:
        print(table, end="")
    if options.plot:
        plot(lines, options.plot)


if __name__ == "__main__":
    main()
