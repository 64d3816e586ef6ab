"""A picture with places: what is drawn where.

In: figures. Out: `Scene`, a list of rectangles, texts and lines, and its size. Chains run from the
top to the bottom; branches stand side by side; what goes past a block runs along its right side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .figure import Box, Branch, Column, Figure, Frame, Row

GAP = 34
"""Between two boxes of a chain, with room for a shape."""
BESIDE = 30
PADDING = 16
HEADER = 22
BOX_HEIGHT = 44
LEAST_WIDTH = 132
LABEL = 20
PASS = 24
FAR = 900
"""Edges longer than this are drawn lightly."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One element. `kind` is box, frame, edge, dashed, size, name, title, subtitle, badge or
    join; `family` a box's. Elements of one box share `number`."""

    kind: str
    x: float
    y: float
    width: float = 0
    height: float = 0
    text: str = ""
    family: str = ""
    number: int = -1
    points: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What a box or a frame is about: for links between both sides, and for clicks."""

    scope: str
    places: tuple[str, ...]
    facts: Mapping[str, str]
    side: str


@dataclass(frozen=True, slots=True)
class Port:
    """Where a value enters or leaves, with its shape."""

    x: float
    y: float
    label: str = ""


Ports = tuple[list[Port], list[Port]]


@dataclass
class Scene:
    """Everything that is drawn. `side` goes into what is told of each box."""

    elements: list[Drawn] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    side: str = "written"
    kernels: dict[int, tuple[int, Port, Port, float, tuple[int, ...]]] = field(default_factory=dict)
    """Of each kernel that is drawn: its place in the order, where values enter and leave, its right
    side, and what it reads."""

    def place(self, figure: Figure, x: float, y: float) -> Ports:
        """Draws a figure with its upper left corner at a place; where values enter and leave."""
        match figure:
            case Box():
                return self._box(figure, x, y)
            case Column():
                return self._column(figure, x, y)
            case Row():
                return self._row(figure, x, y)
            case Frame():
                return self._frame(figure, x, y)

    def _number(self, figure: Box | Frame) -> int:
        self.told.append(Told(figure.scope, figure.places, figure.facts, self.side))
        return len(self.told) - 1

    def _box(self, box: Box, x: float, y: float) -> Ports:
        width, height = measure(box)
        number = self._number(box)
        inner = width - (10 if box.times > 1 else 0)
        x += (width - inner) / 2
        for shift in (8, 4) if box.times > 1 else ():
            self._add("box", x + shift, y + shift, inner, height, family=box.family.key)
        self._add("box", x, y, inner, height, family=box.family.key, number=number)
        middle = x + inner / 2
        title_y = y + (18 if box.subtitle else 26)
        self._add("title", middle, title_y, text=box.title, number=number)
        if box.subtitle:
            self._add("subtitle", middle, y + 34, text=box.subtitle, number=number)
        if box.times > 1:
            self._add("badge", x + inner - 2, y - 9, 34, 18, f"× {box.times}", number=number)
        low = y + height + (8 if box.times > 1 else 0)
        if box.key >= 0:
            ports = Port(middle, y), Port(middle, low, box.gives)
            self.kernels[box.key] = (len(self.kernels), *ports, x + inner, box.reads)
        return [Port(middle, y)], [Port(middle, low, box.gives)]

    def _column(self, column: Column, x: float, y: float) -> Ports:
        width, _ = measure(column)
        entries: list[Port] | None = None
        exits: list[Port] = []
        if not column.parts:
            port = Port(x + width / 2, y)
            return [port], [port]
        for part in column.parts:
            part_width, part_height = measure(part)
            inside, outside = self.place(part, x + (width - part_width) / 2, y)
            if entries is None:
                entries = inside
            elif not column.linked:
                self._connect(exits, inside)
            exits = outside
            y += part_height + GAP
        return entries or [], exits

    def _row(self, row: Row, x: float, y: float) -> Ports:
        _, height = measure(row)
        named = any(branch.name for branch in row.branches)
        top = y + (LABEL if named else 0)
        entries: list[Port] = []
        exits: list[Port] = []
        ends: list[list[Port]] = []
        first: list[list[Port]] = []
        read = {branch.memory for branch in row.branches}
        for index, branch in enumerate(row.branches):
            width, _ = _branch_size(branch)
            inner, _ = measure(branch.chain)
            inside, outside = self.place(branch.chain, x + (width - inner) / 2, top)
            middle = x + width / 2
            if branch.name:
                self._add("name", middle + 8, y + 12, text=branch.name)
            if not branch.starts:
                entries += [Port(port.x, y) for port in inside]
                for port in inside:
                    self._line(Port(port.x, y), port)
            for port in outside if index not in read else ():
                self._line(port, Port(port.x, y + height))
            here = [Port(port.x, y + height, port.label) for port in outside]
            ends.append(outside)
            first.append(inside)
            exits += here
            x += width + BESIDE
        for branch, inside in zip(row.branches, first, strict=True):
            if branch.memory is not None:
                self._memory(ends[branch.memory][0], inside[0])
        left = [index for index in range(len(row.branches)) if index not in read]
        return entries, [exits[index] for index in left if index < len(exits)] or exits

    def _frame(self, frame: Frame, x: float, y: float) -> Ports:
        width, height = measure(frame)
        number = self._number(frame)
        head = HEADER if frame.title else 8
        inner_width, _ = measure(frame.chain)
        self._add("frame", x, y, width, height, number=number)
        if frame.title:
            self._add("name", x + 10, y + 15, text=frame.title, number=number)
        if frame.times > 1:
            self._add("badge", x + width - 40, y - 9, 34, 18, f"× {frame.times}", number=number)
        left = x + (width - inner_width) / 2
        inside, outside = self.place(frame.chain, left, y + head + PADDING)
        if frame.residual and inside and outside:
            middle = inside[0].x
            low = y + height - 14
            for port in outside:
                self._line(port, Port(port.x, low - 8))
            self._pass(middle, y + head + 6, x + width - PADDING + 4, low, outside[0].x)
            self._line(Port(middle, y), inside[0])
            return [Port(middle, y)], [Port(outside[0].x, low + 8, outside[0].label)]
        if not frame.chain.linked:
            for port in inside:
                self._line(Port(port.x, y), port)
            for port in outside:
                self._line(port, Port(port.x, y + height))
        return (
            [Port(port.x, y) for port in inside],
            [Port(port.x, y + height, port.label) for port in outside],
        )

    # ---- lines --------------------------------------------------------------------------------

    def _connect(self, exits: list[Port], entries: list[Port]) -> None:
        """Edges from every exit to every entry, with the shapes of what goes along them."""
        for index, start in enumerate(exits):
            for end in entries:
                self._edge(start, end)
            if start.label and (index == 0 or start.label != exits[index - 1].label):
                self._add("size", start.x + 7, start.y + 13, text=start.label)

    def link(self) -> None:
        """Edges between the kernels that are drawn: straight to the next one, around the others."""
        for order, top, _, right, reads in list(self.kernels.values()):
            for key in dict.fromkeys(reads):
                if key not in self.kernels:
                    continue
                before, _, low, side, _ = self.kernels[key]
                if before >= order:
                    continue  # of a repeat that is folded away
                if before == order - 1:
                    self._connect([low], [top])
                else:
                    self._around(low, side, top, right)

    def _around(self, start: Port, side: float, end: Port, right: float) -> None:
        """An edge along the right side, the farther out the longer it is."""
        middle = BOX_HEIGHT / 2
        first, last = start.y - middle, end.y + middle
        out = max(side, right) + 26 + min(34.0, (last - first) / 34)
        self.elements.append(
            Drawn(
                "around" if last - first < FAR else "far",
                side,
                first,
                points=(side, first, out, first, out, last, right, last),
            )
        )

    def _edge(self, start: Port, end: Port) -> None:
        # Where an edge bends, its first part is straight: a shape stands beside it.
        lead = start.y + (15 if abs(start.x - end.x) > 1 else 0)
        bend = (end.y - lead) / 2
        points = (start.x, lead, start.x, lead + bend, end.x, end.y - bend, end.x, end.y)
        self.elements.append(Drawn("edge", start.x, start.y, points=points))

    def _line(self, start: Port, end: Port) -> None:
        if end.y - start.y > 0.5:
            self.elements.append(
                Drawn("line", start.x, start.y, points=(start.x, start.y, end.x, end.y))
            )

    def _memory(self, start: Port, end: Port) -> None:
        """The memory that cross-attentions read: from the end of one branch to another's top."""
        middle = (start.x + end.x) / 2
        self.elements.append(
            Drawn(
                "dashed",
                start.x,
                start.y,
                points=(
                    start.x,
                    start.y,
                    middle,
                    start.y + 26,
                    middle,
                    end.y - 14,
                    end.x - 30,
                    end.y + 8,
                ),
            )
        )

    def _pass(self, start_x: float, top: float, right: float, low: float, end_x: float) -> None:
        """The value that goes past a block and is added behind it."""
        self.elements.append(
            Drawn("past", start_x, top, points=(start_x, top, right, top, right, low, end_x, low))
        )
        self._add("join", end_x, low, text="+")

    def _add(
        self, kind: str, x: float, y: float, width: float = 0, height: float = 0, text: str = "",
        family: str = "", number: int = -1,
    ) -> None:  # fmt: skip
        self.elements.append(Drawn(kind, x, y, width, height, text, family, number))


def measure(figure: Figure) -> tuple[float, float]:
    """Width and height of a figure."""
    match figure:
        case Box(title=title, subtitle=subtitle, times=times):
            wide = max(8.0 * len(title), 6.4 * len(subtitle)) + 26
            more = 10 if times > 1 else 0
            return max(LEAST_WIDTH, wide) + more, BOX_HEIGHT
        case Column(parts=parts):
            if not parts:
                return PASS, 0
            sizes = [measure(part) for part in parts]
            labels = [2 * (10 + 6.8 * len(_label(part))) for part in parts]
            high = sum(h for _, h in sizes) + GAP * (len(sizes) - 1)
            return max(*(w for w, _ in sizes), *labels), high
        case Row(branches=branches):
            sizes = [_branch_size(branch) for branch in branches]
            label = LABEL if any(branch.name for branch in branches) else 0
            width = sum(w for w, _ in sizes) + BESIDE * (len(sizes) - 1)
            return width, max(h for _, h in sizes) + label + 8
        case Frame(title=title, chain=chain, residual=residual):
            width, height = measure(chain)
            head = HEADER if title else 8
            wide = max(width + 2 * PADDING + (2 * PASS if residual else 0), 7.2 * len(title) + 70)
            return wide, height + head + 2 * PADDING + (18 if residual else 0)


def _label(figure: Figure) -> str:
    """The shape that stands behind a figure."""
    match figure:
        case Box(gives=gives):
            return gives
        case Column(parts=parts):
            return _label(parts[-1]) if parts else ""
        case Frame(chain=chain):
            return _label(chain)
        case Row():
            return ""


def _branch_size(branch: Branch) -> tuple[float, float]:
    width, height = measure(branch.chain)
    return max(width, 7.0 * len(branch.name) * 2 + 24 if branch.name else width), height
