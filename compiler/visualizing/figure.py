"""What a picture consists of, before it has places: boxes, columns, rows, frames.

In: nothing. Out: the node types of a figure. A column is a chain, a row has branches side by side,
a frame is a block around a chain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .families import Family


@dataclass(frozen=True, slots=True)
class Box:
    """A layer, a kernel, an input or an output. `gives` is the shape of its result; `times` how
    often it stands in a row; `scope` and `places` link layers with kernels; `facts` are what a
    click tells. Of a kernel, `key` is its number and `reads` those of the kernels that it reads."""

    title: str
    subtitle: str
    family: Family
    gives: str = ""
    times: int = 1
    scope: str = ""
    places: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    key: int = -1
    reads: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """A chain of figures; an empty one hands its value on. In a `linked` one the parts stand in
    order only, and edges go from box to box as these read each other."""

    parts: tuple[Figure, ...]
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """One of several chains side by side. `starts` says that it has an input of its own; `memory`
    is the index of the branch whose result it attends to."""

    name: str
    chain: Column
    starts: bool = False
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Branches side by side."""

    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """A block: its chain with a border around it. `residual` draws the value that goes past it."""

    title: str
    chain: Column
    times: int = 1
    residual: bool = False
    scope: str = ""
    places: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


Figure = Box | Column | Row | Frame
