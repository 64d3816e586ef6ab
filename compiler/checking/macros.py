"""Expanding macros and repetitions: from the items as written to the layers that are meant.

In: the items of a network, macro or block. Out: `Use` values, one for each layer that will exist,
with bound arguments, the scope that its weights live in and the branches that end at it. Stops at
the limits before a small program can grow into a huge one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from ...ir.diagnostic import Label
from ...ir.span import Span
from ..layers.spec import Block, LayerSpec, layer_named
from ..syntax import ast
from .arguments import Arguments, bind
from .expressions import Environment, OpenChoice, describe, evaluate
from .macro_arguments import macro_arguments
from .nesting import NESTING_LIMIT
from .reporter import Reporter
from .scopes import Scopes
from .unknown_layers import unknown_layer
from .uses import BranchUse, Line, Use
from .wrapped import both_ways, unwrapped

REPETITION_LIMIT = 10_000
NODE_LIMIT = 100_000
"""Ops of one network, bounded by the layers' specs."""


class _LimitError(Exception):
    """The network is too large or too deep; reported where it was noticed."""


class Expander:
    """Expands the items of one network."""

    def __init__(self, macros: Mapping[str, ast.Macro], report: Reporter) -> None:
        self.macros = macros
        self.report = report
        self.scopes = Scopes()
        self.nodes = 0
        self.heads: tuple[BranchUse, ...] = ()
        """Branches that nothing follows: they end at outputs of the network."""
        self._active: list[str] = []
        self._depth = 0

    def expand(
        self, items: Sequence[ast.Item], environment: Environment | None = None
    ) -> list[Use]:
        """The layers that the items stand for, in order; complete unless errors were reported."""
        line = Line()
        with suppress(_LimitError):
            self._items(items, environment or {}, "", (), None, line)
        self.heads = tuple(line.pending)
        return line.uses

    def _items(
        self,
        items: Sequence[ast.Item],
        environment: Environment,
        parent: str,
        calls: tuple[Span, ...],
        device: str | None,
        into: Line,
    ) -> None:
        if items and self._depth > NESTING_LIMIT:
            self.report.error(
                "E0102",
                f"blocks and macros are nested more than {NESTING_LIMIT} deep here",
                items[0].name.span,
            )
            raise _LimitError
        self._depth += 1
        for item in items:
            if isinstance(item, ast.Branch):
                self._branch(item, environment, parent, calls, device, into)
                continue
            with self.report.within(tuple(Label(s, "in this use of the macro") for s in calls)):
                self._layer(item, environment, parent, calls, device, into)
        self._depth -= 1

    def _branch(
        self,
        branch: ast.Branch,
        environment: Environment,
        parent: str,
        calls: tuple[Span, ...],
        device: str | None,
        into: Line,
    ) -> None:
        """A named branch waits for the layer that it ends at."""
        name = branch.name.text
        first = next((each for each in into.pending if each.name == name), None)
        if first is not None:
            self.report.error(
                "E0219",
                f"two branches are called `{name}`",
                branch.name.span,
                labels=(Label(first.span, "the first"),),
                help="give one of them another name",
            )
        scope = self.scopes.branch(parent, name)
        uses = self._inner(branch.items, environment, scope, calls, device)
        into.pending.append(BranchUse(name, branch.name.span, uses))

    def _inner(
        self,
        items: Sequence[ast.Item],
        environment: Environment,
        parent: str,
        calls: tuple[Span, ...],
        device: str | None,
    ) -> tuple[Use, ...]:
        """The layers of a block or a branch, at whose end one value must be left."""
        line = Line()
        self._items(items, environment, parent, calls, device, line)
        if line.pending:
            self.report.error(
                "E0233",
                "nothing joins these branches to the one value that leaves the block",
                line.pending[0].span,
                labels=tuple(Label(each.span, "and this one") for each in line.pending[1:]),
                help="end the block with a merge layer, such as `Concatenate()` or `Add()`",
            )
        return tuple(line.uses)

    def _parallel(
        self,
        layer: ast.Layer,
        environment: Environment,
        scope: str,
        calls: tuple[Span, ...],
        device: str | None,
    ) -> tuple[BranchUse, ...]:
        """Each item of a Parallel is a branch: a named one, or a layer with its repetitions."""
        line = Line()
        for item in layer.block or ():
            if isinstance(item, ast.Branch):
                self._branch(item, environment, scope, calls, device, line)
            else:
                uses = self._inner((item,), environment, scope, calls, device)
                line.pending.append(BranchUse(item.name.text, item.name.span, uses))
        return tuple(line.pending)

    def _layer(
        self,
        layer: ast.Layer,
        environment: Environment,
        parent: str,
        calls: tuple[Span, ...],
        device: str | None,
        into: Line,
    ) -> None:
        if layer.device is not None:
            device = checked_device(layer.device.value, layer.device.span, self.report)
        times = self._repetition(layer, environment)
        name = layer.name.text
        macro = self._macro(name)
        if macro is not None:
            self._use_macro(layer, macro, environment, parent, calls, device, times, into)
            return
        spec = layer_named(name)
        if spec is None:
            unknown_layer(layer, self.macros, self.report)
            if layer.block:
                self._inner(layer.block, environment, parent, calls, device)
            arguments = Arguments(name, layer.name.span)
            into.add(Use(layer, None, arguments, parent, None, calls, device))
            return
        if spec.block.wraps:
            layer = unwrapped(layer)
        arguments = bind(
            layer.name, layer.arguments or (), spec.all_parameters, environment, self.report
        )
        self._check_block(layer, spec)
        if "num_layers" in arguments.values and arguments.usable("num_layers"):
            times *= arguments["num_layers"]
        many = times > 1
        nodes = spec.most_nodes(arguments.values)
        for _ in range(times):
            self._spend(nodes, layer)
            scope = self._scope(layer, spec, arguments, parent, many)
            block: tuple[Use, ...] | None = None
            branches: tuple[BranchUse, ...] = ()
            if spec.block is Block.BRANCHES:
                branches = self._parallel(layer, environment, scope, calls, device)
            elif spec.block is Block.BOTH_WAYS:
                forward, backward = (
                    self._inner(layer.block or (), environment, f"{scope}/{way}", calls, device)
                    for way in ("forward", "backward")
                )
                if layer.block:
                    branches = both_ways(layer, forward, backward, self.report)
                if not branches:
                    into.add(Use(layer, None, arguments, scope, None, calls, device))
                    continue
            elif layer.block is not None and spec.block is not Block.NEVER:
                block = self._inner(layer.block, environment, scope, calls, device)
            use = Use(layer, spec, arguments, scope, block, calls, device)
            if branches and into.pending:
                self._two_forks(layer, into)
            ending = len(branches) + len(into.pending)
            self._spend(spec.most_nodes(arguments.values, ending) - nodes, layer)
            into.add(replace(use, branches=branches))

    def _two_forks(self, layer: ast.Layer, into: Line) -> None:
        """Branches in front of a Parallel, which has branches of its own."""
        self.report.error(
            "E0232",
            f"{len(into.pending)} branches arrive at `{layer.name.text}`, which takes one value",
            layer.name.span,
            labels=tuple(Label(each.span, "one of them") for each in into.pending),
            help="put a merge layer in between, such as `Concatenate()` or `Add()`",
        )
        into.pending.clear()

    def _scope(
        self, layer: ast.Layer, spec: LayerSpec, arguments: Arguments, parent: str, many: bool
    ) -> str:
        name = arguments["name"]
        if name is None:
            return self.scopes.automatic(parent, spec)
        place = arguments.span("name")
        if not re.fullmatch(r"[^\W\d][\w.\-]*", name):
            self.report.error(
                "E0207",
                "a layer's name starts with a letter and has letters, digits and _ . - only",
                place,
            )
            return self.scopes.automatic(parent, spec)
        return self.scopes.named(parent, name, place, layer, many, self.report)

    def _spend(self, nodes: int, layer: ast.Layer) -> None:
        self.nodes += nodes
        if self.nodes > NODE_LIMIT:
            self.report.error(
                "E0314",
                f"the network would have more than {NODE_LIMIT} operations",
                layer.span,
                help="repeat fewer layers",
            )
            raise _LimitError

    def _repetition(self, layer: ast.Layer, environment: Environment) -> int:
        if layer.repeat is None:
            return 1
        value = evaluate(layer.repeat, environment, self.report)
        if value is None or isinstance(value.value, OpenChoice):
            return 1
        count = value.value
        if isinstance(count, bool) or not isinstance(count, int):
            self.report.error(
                "E0218",
                f"a layer is repeated a whole number of times, not {describe(count)}",
                value.span,
            )
            return 1
        if not 1 <= count <= REPETITION_LIMIT:
            self.report.error(
                "E0218",
                f"a layer can be repeated 1 to {REPETITION_LIMIT} times, not {count} times",
                value.span,
            )
            return 1
        return count

    def _check_block(self, layer: ast.Layer, spec: LayerSpec) -> None:
        if layer.block is not None and spec.block is Block.NEVER:
            self.report.error(
                "E0214",
                f"`{layer.name.text}` takes no block",
                layer.block_span or layer.name.span,
                help="a block has a meaning behind ResidualConnection, Parallel, "
                "TransformerEncoder, TransformerDecoder, Bidirectional and TimeDistributed",
            )
        elif spec.block.wraps and not layer.block:
            self.report.error(
                "E0214",
                f"`{layer.name.text}` needs a layer to work on",
                layer.name.span,
                help=f"write it as the first argument: `{layer.name.text}"
                f"({'LSTM' if spec.block is Block.BOTH_WAYS else 'Dense'}(64))`",
            )
        elif spec.block in (Block.REQUIRED, Block.BRANCHES) and not layer.block:
            self.report.error(
                "E0214",
                f"`{layer.name.text}` needs a block of layers",
                layer.name.span,
                help=f"write `{layer.name.text} {{ Dense(64) }}`",
            )

    # ---- macros -------------------------------------------------------------------------------

    def check_names(self, macro: ast.Macro) -> None:
        """Reports unknown layers in the body of a macro, which may be used nowhere."""
        pending = list(macro.items)
        while pending:
            item = pending.pop(0)
            if isinstance(item, ast.Branch):
                pending.extend(item.items)
                continue
            if self._macro(item.name.text) is None and layer_named(item.name.text) is None:
                unknown_layer(item, self.macros, self.report)
            pending.extend(item.block or ())

    def _macro(self, name: str) -> ast.Macro | None:
        """The macro that a layer's name means. Within a macro that shadows a built-in layer, its
        own name means that layer."""
        macro = self.macros.get(name)
        if macro is None:
            lower = name.lower()
            macro = next((m for n, m in self.macros.items() if n.lower() == lower), None)
        if macro is not None and macro.name.text in self._active and layer_named(name) is not None:
            return None
        return macro

    def _use_macro(
        self,
        layer: ast.Layer,
        macro: ast.Macro,
        environment: Environment,
        parent: str,
        calls: tuple[Span, ...],
        device: str | None,
        times: int,
        into: Line,
    ) -> None:
        name = macro.name.text
        if name in self._active:
            self.report.error(
                "E0216",
                f"the macro `{name}` uses itself",
                layer.name.span,
                labels=(Label(macro.name.span, "defined here"),),
                notes=(" → ".join((*self._active, name)),) if len(self._active) > 1 else (),
            )
            return
        if layer.block is not None:
            self.report.error(
                "E0214", f"the macro `{name}` takes no block", layer.block_span or layer.name.span
            )
        values = macro_arguments(layer, macro, environment, self.report)
        if values is None:
            arguments = Arguments(name, layer.name.span)
            into.add(Use(layer, None, arguments, parent, None, calls, device))
            return
        self._active.append(name)
        inner_calls = (layer.name.span, *calls)
        for _ in range(times):
            self._spend(1, layer)
            self._items(macro.items, values, parent, inner_calls, device, into)
        self._active.pop()


def checked_device(text: str, span: Span, report: Reporter) -> str | None:
    """A device's name in lower case, None after a report that there is no such device."""
    device = text.strip().lower()
    if re.fullmatch(r"cpu|gpu|auto|cuda(:\d+)?", device):
        return device
    report.error("E0227", f'there is no device "{text}"', span, help="cpu, gpu, cuda, cuda:0, auto")
    return None
