"""Checking one network: its sections, its layers, its interface.

In: a network's AST. Out: a `Model`, or None after reported mistakes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ...ir.span import Span
from ..syntax import ast
from .chain import Chain
from .check_options import MASK_DTYPES, CheckOptions
from .heads import check_head
from .inputs import SEQUENCE, InputResolver
from .macros import NODE_LIMIT, Expander
from .mask_inputs import MaskInputs
from .model import Branch, LayerCall, Model, ModelInput, left_over
from .reporter import Reporter
from .sections import SectionReader
from .streams import StreamPlanner, Streams


@dataclass(frozen=True, slots=True)
class Written:
    """What a network, or a chain of bare layers with a shape for its input, consists of."""

    name: str
    inputs: tuple[ast.Input, ...]
    items: tuple[ast.Item, ...]
    sections: tuple[ast.Section, ...]
    span: Span


class NetworkChecker:
    """Checks one network."""

    def __init__(
        self, macros: Mapping[str, ast.Macro], options: CheckOptions, report: Reporter
    ) -> None:
        self.options = options
        self.report = report
        self.expander = Expander(macros, report)
        self.inputs = InputResolver(options, report)
        self.masks = MaskInputs(MASK_DTYPES[options.mask_dtype], report)

    def check(self, written: Written) -> Model | None:
        """The model that a network means, None if it has errors."""
        errors = self.report.errors
        reader = SectionReader(self.report)
        reader.read(written.sections)
        loss = reader.loss.name if reader.loss else None
        uses = self.expander.expand(written.items)
        chain = Chain(self.options, self.report, self.expander.scopes, self.masks, loss)
        if not (uses or self.expander.heads) or (
            self.report.errors > errors and self.expander.nodes > NODE_LIMIT
        ):
            return None
        planner = StreamPlanner(self.options, self.report, self.expander, self.inputs, chain)
        result = planner.plan(written.inputs, uses, errors)
        if result is None or self.report.errors > errors:
            if result is None:
                chain.check_alone(uses)
            return None
        last = self._last(result)
        if reader.loss is not None and last is not None and "activation" in last.arguments:
            units = last.gives.shape[-1]
            if isinstance(units, int):
                check_head(reader.loss, str(last.arguments["activation"]), units, self.report)
        self._outputs_with_losses(reader, last, result)
        self._unused_options()
        model = Model(
            written.name,
            self._ordered(result.inputs),
            result.streams,
            self._output_name(last, result),
            reader.metadata,
            written.span,
            self._named_heads(result),
        )
        devices = {call.scope: call.device for call in model.all_calls() if call.device is not None}
        if devices:
            devices_text = json.dumps(devices, ensure_ascii=False)
            model = replace(model, metadata={**model.metadata, "devices": devices_text})
        return model if self.report.errors == errors else None

    def _last(self, result: Streams) -> LayerCall | None:
        """The last layer that the program has, where there is one output."""
        if result.heads:
            return None
        calls = result.streams[-1].calls[: None if self.options.logits == "all" else -1]
        return calls[-1] if calls else None

    # ---- the interface ------------------------------------------------------------------------

    def _ordered(self, inputs: Sequence[tuple[str, ModelInput]]) -> tuple[ModelInput, ...]:
        """Each sequence's input and its mask behind it. Reports names that are taken."""
        ordered: dict[str, ModelInput] = {}
        for prefix, each in inputs:
            mask = self.masks.inputs.get(f"{prefix}attention_mask")
            for one in (each, mask) if mask is not None else (each,):
                if one.name in ordered:
                    self.report.error("E0219", f"two inputs are called `{one.name}`", one.span)
                ordered[one.name] = one
        return tuple(ordered.values())

    def _output_name(self, last: LayerCall | None, result: Streams) -> str:
        taken = {each.name: each.span for _, each in result.inputs}
        name = last.arguments.get("name") if last is not None else None
        if name is None:
            return "output"
        if name in taken:
            span = last.spans[0] if last is not None else None
            self.report.error("E0219", f"the output and an input are called `{name}`", span)
        return str(name)

    def _named_heads(self, result: Streams) -> tuple[Branch, ...]:
        """The branches at the end with the names of their outputs: `output` for a single one, as
        for a chain; `NAME_output` where an input has the branch's name."""
        left = left_over(result.heads)
        if len(left) == 1:
            head = result.heads[left[0]]
            last = head.calls[-1] if head.calls else None
            single = replace(head, name=self._output_name(last, result))
            return tuple(single if each is head else each for each in result.heads)
        taken = {each.name for _, each in result.inputs}
        return tuple(
            replace(head, name=f"{head.name}_output") if head.name in taken else head
            for head in result.heads
        )

    def _outputs_with_losses(
        self, reader: SectionReader, last: LayerCall | None, result: Streams
    ) -> None:
        """Losses in `{ … }` go by the names of outputs."""
        outputs = [self._output_name(last, result)]
        if result.heads:
            heads = self._named_heads(result)
            outputs = [heads[index].name for index in left_over(heads)]
        for name, place in reader.losses.items():
            if name not in outputs:
                self.report.warning(
                    "W0224",
                    f"the network has no output `{name}` that this loss could be of",
                    place.span,
                    help=f"its outputs are {', '.join(f'`{each}`' for each in outputs)}",
                )

    def _unused_options(self) -> None:
        for key in self.options.max_sizes:
            if key not in self.inputs.bounded:
                self.report.warning(
                    "W0208",
                    f"`--max {key}={self.options.max_sizes[key]}` bounds no axis of this network",
                    None,
                    help=f"`{SEQUENCE}` is the first axis of a sequence; others go by their names",
                )
        for axis in self.options.dynamic:
            if axis != SEQUENCE or not self.inputs.opened:
                self.report.warning(
                    "W0208",
                    f"`--dynamic {axis}` opens no axis of this network",
                    None,
                    help=f"`{SEQUENCE}` is the first axis of a sequence that has a size",
                )
        if self.options.padding_mask and not self.masks.inputs:
            self.report.note(
                "N0204",
                "no layer of this network reads a padding mask, so it has no `attention_mask`",
                None,
            )
