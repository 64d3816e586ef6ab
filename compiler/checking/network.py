"""Checking one network: its inputs, its streams, its output.

In: a network's AST. Out: a `Model`, or None after reported mistakes. This is where an encoder and a
decoder become two streams: what stands before the encoder is applied to both sequences, with the
same weights, and the value that arrives at the first decoder is the memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ...ir.span import Span
from ..layers.spec import Role
from ..syntax import ast
from .chain import Chain
from .check_options import MASK_DTYPES, CheckOptions
from .inputs import SEQUENCE, InputResolver
from .last_position import last_position
from .macros import NODE_LIMIT, Expander, Use
from .mask_inputs import MaskInputs
from .model import LayerCall, Model, ModelInput, Stream
from .reporter import Reporter
from .sections import SectionReader, check_head
from .site import Flow


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
        if not uses or (self.report.errors > errors and self.expander.nodes > NODE_LIMIT):
            return None
        result = self._streams(written, uses, chain, errors)
        if result is None or self.report.errors > errors:
            if result is None:
                chain.check_alone(uses)
            return None
        streams, inputs = result
        written_calls = streams[-1].calls[: None if self.options.logits == "all" else -1]
        last = written_calls[-1] if written_calls else None
        if reader.loss is not None and last is not None and "activation" in last.arguments:
            units = last.gives.shape[-1]
            if isinstance(units, int):
                check_head(reader.loss, str(last.arguments["activation"]), units, self.report)
        self._unused_options()
        model = Model(
            written.name,
            self._ordered(inputs),
            streams,
            self._output_name(last, inputs),
            reader.metadata,
            written.span,
        )
        return model if self.report.errors == errors else None

    # ---- streams ------------------------------------------------------------------------------

    def _streams(
        self, written: Written, uses: Sequence[Use], chain: Chain, errors: int
    ) -> tuple[tuple[Stream, ...], list[ModelInput]] | None:
        parts = _parts(uses, len(written.inputs))
        if len(parts) < len(written.inputs):
            if self.report.errors > errors:
                # Layers that are not known, or branches, may well have used it.
                return None
            extra = written.inputs[len(parts)]
            name = f"`{extra.name.text}`" if extra.name else "this input"
            self.report.error(
                "E0230",
                f"{name} is not used",
                extra.name.span if extra.name else extra.span,
                help="each Embedding after the first starts from the next input; branches cannot "
                "be compiled yet",
            )
            return None
        resolved: list[ModelInput] = []
        for number, (each, part) in enumerate(zip(written.inputs, parts, strict=True)):
            ids = bool(part) and part[0].spec is not None and part[0].spec.role is Role.EMBEDDING
            standard = "input_ids" if ids else "input"
            name = standard if len(parts) == 1 else f"{standard}_{number}"
            model_input = self.inputs.resolve(each, part, name)
            if model_input is None:
                return None
            resolved.append(model_input)
        if len(parts) == 2:
            return self._two_inputs(parts, resolved, chain)
        return self._one_input(uses, resolved[0], chain)

    def _one_input(
        self, uses: Sequence[Use], first: ModelInput, chain: Chain
    ) -> tuple[tuple[Stream, ...], list[ModelInput]]:
        split = _encoder_and_decoder(uses)
        flow = Flow(first.type, first.span, "the input")
        if split is None:
            calls, _ = chain.run(self._with_logits(uses), flow)
            return (Stream(first.name, calls),), [first]
        encoder, decoder = split
        memory_calls, memory = chain.run(uses[:decoder], flow)
        name = "decoder_input_ids" if first.role == "ids" else "decoder_input"
        second = self.inputs.second(first, name)
        own = Flow(second.type, first.span, "the decoder's input", stream="decoder_")
        own = replace(own, memory=memory)
        calls, _ = chain.run(self._with_logits((*uses[:encoder], *uses[decoder:])), own)
        shared = uses[:encoder]
        names = ", ".join(f"`{use.layer.name.text}`" for use in shared)
        names += " is" if len(shared) == 1 else " are"
        self.report.note(
            "N0203",
            f"from here on the decoder reads its own sequence, the input `{name}`, and attends to "
            "what the layers above give" + (f"; {names} applied to both" if shared else ""),
            uses[decoder].layer.name.span,
            help="`cross_attention=false` makes one chain of all",
        )
        streams = (Stream(first.name, memory_calls), Stream(second.name, calls, memory=0))
        return streams, [first, second]

    def _two_inputs(
        self, parts: Sequence[Sequence[Use]], inputs: list[ModelInput], chain: Chain
    ) -> tuple[tuple[Stream, ...], list[ModelInput]] | None:
        """The second of two named inputs starts the sequence that reads the first's result."""
        second_part = parts[1]
        if not any(_reads_memory(use) for use in _flat(second_part)):
            self.report.error(
                "E0230",
                "what the layers above give is not used: this starts another sequence",
                second_part[0].layer.name.span,
                help="a TransformerDecoder behind it attends to them; merges cannot be compiled "
                "yet",
            )
            return None
        first, second = inputs
        calls, memory = chain.run(parts[0], Flow(first.type, first.span, f"`{first.name}`"))
        own = Flow(second.type, second.span, f"`{second.name}`", stream="decoder_", memory=memory)
        more, _ = chain.run(self._with_logits(second_part), own)
        return (Stream(first.name, calls), Stream(second.name, more, memory=0)), inputs

    def _with_logits(self, uses: Sequence[Use]) -> Sequence[Use]:
        """The layers of the stream that gives the result, and what the option wants of it."""
        if self.options.logits == "all":
            return uses
        return (*uses, *last_position(uses, self.expander.scopes))

    # ---- the interface ------------------------------------------------------------------------

    def _ordered(self, inputs: Sequence[ModelInput]) -> tuple[ModelInput, ...]:
        """Each sequence's input and its mask behind it. Reports names that are taken."""
        ordered: dict[str, ModelInput] = {}
        for prefix, each in zip(("", "decoder_"), inputs, strict=False):
            mask = self.masks.inputs.get(f"{prefix}attention_mask")
            for one in (each, mask) if mask is not None else (each,):
                if one.name in ordered:
                    self.report.error("E0219", f"two inputs are called `{one.name}`", one.span)
                ordered[one.name] = one
        return tuple(ordered.values())

    def _output_name(self, last: LayerCall | None, inputs: Sequence[ModelInput]) -> str:
        name = last.arguments.get("name") if last is not None else None
        if name is None:
            return "output"
        if any(each.name == name for each in inputs):
            span = last.spans[0] if last is not None else None
            self.report.error("E0219", f"the output and an input are called `{name}`", span)
        return str(name)

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


def _parts(uses: Sequence[Use], inputs: int) -> list[Sequence[Use]]:
    """The layers that start from each input: with several, every Embedding starts a part."""
    if inputs < 2:
        return [uses]
    starts = [
        index
        for index, use in enumerate(uses)
        if index and use.spec is not None and use.spec.role is Role.EMBEDDING
    ][: inputs - 1]
    bounds = [0, *starts, len(uses)]
    return [uses[a:b] for a, b in pairwise(bounds)]


def _flat(uses: Sequence[Use]) -> Iterator[Use]:
    for use in uses:
        yield use
        yield from _flat(use.block or ())


def _has_role(use: Use, role: Role) -> bool:
    return any(each.spec is not None and each.spec.role is role for each in _flat((use,)))


def _reads_memory(use: Use) -> bool:
    """Whether a layer attends to a memory where there is one."""
    if use.spec is None:
        return False
    if use.spec.role is Role.DECODER:
        return use.arguments["cross_attention"] is not False
    return use.spec.role is Role.ATTENTION and use.arguments["mode"] == "cross"


def _encoder_and_decoder(uses: Sequence[Use]) -> tuple[int, int] | None:
    """Where the first encoder and, behind it, the first decoder stand, if they belong together."""
    encoder = next((i for i, use in enumerate(uses) if _has_role(use, Role.ENCODER)), None)
    if encoder is None:
        return None
    decoder = next(
        (i for i, use in enumerate(uses) if i > encoder and _has_role(use, Role.DECODER)), None
    )
    if decoder is None or any(_has_role(use, Role.DECODER) for use in uses[:encoder]):
        return None
    reads = any(_reads_memory(use) for use in _flat(uses[decoder:]))
    return (encoder, decoder) if reads else None
