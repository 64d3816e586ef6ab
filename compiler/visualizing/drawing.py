"""The whole picture: the network as written, and beside it as it runs, with a legend.

In: facts and a target graph. Out: `Drawing`: a scene with its size, and what a click tells.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...ir.graph import Graph
from ..summarizing.facts import NetworkFacts
from ..summarizing.table import amount, sizes_text
from .families import FAMILIES, Family
from .running import kernel_count, running
from .scene import Scene, measure
from .written import written

MARGIN = 36
TOP = 96
BETWEEN = 110


@dataclass(frozen=True, slots=True)
class Heading:
    """A line of text above a side."""

    x: float
    y: float
    text: str
    note: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture with its size. `families` are those that it shows, in the legend's order."""

    name: str
    scene: Scene
    width: float
    height: float
    headings: tuple[Heading, ...]
    families: tuple[Family, ...]


def draw(facts: NetworkFacts, graph: Graph, target: str, level: int) -> Drawing:
    """Both sides of a network."""
    scene = Scene()
    left, right = written(facts), running(graph, {layer.scope for layer in facts.layers()})
    left_width, left_height = measure(left)
    right_width, right_height = measure(right)
    left_room = max(left_width, 330)
    scene.place(left, MARGIN + (left_room - left_width) / 2, TOP)
    second = MARGIN + left_room + BETWEEN
    scene.side = "running"
    right_room = max(right_width, 330)
    scene.place(right, second + (right_room - right_width) / 2, TOP)
    scene.link()
    headings = (
        Heading(
            MARGIN, 34, f"{facts.name}, as written",
            f"{amount(facts.parameters).strip()} parameters, {amount(facts.flops)}FLOP"
            + (f" at {sizes_text(facts)}" if facts.sizes else ""),
        ),
        Heading(
            second, 34, f"as it runs: {target}, -O{level}",
            f"{kernel_count(graph)} kernels; reshapes, which cost nothing, are left out",
        ),
    )  # fmt: skip
    shown = {element.family for element in scene.elements if element.kind == "box"}
    families = tuple(each for key, each in FAMILIES.items() if key in shown)
    height = TOP + max(left_height, right_height) + MARGIN + 24 * ((len(families) + 3) // 4) + 24
    return Drawing(facts.name, scene, second + right_room + 2 * MARGIN, height, headings, families)
