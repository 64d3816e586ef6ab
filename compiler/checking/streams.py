"""From layers and inputs to streams: which layers start from which input.

In: the inputs and layers of one network. Out: `Streams`. This is where an encoder and a decoder
become two streams: what stands before the encoder is applied to both sequences, with the same
weights, and the value that arrives at the first decoder is the memory. With several inputs each
branch at the top, or each Embedding, starts from one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ...ir.diagnostic import Label
from ..layers.spec import Role
from ..messages.suggestions import did_you_mean
from ..syntax import ast
from .chain import Chain
from .check_options import CheckOptions
from .forks import reads_memory
from .inputs import InputResolver
from .last_position import last_position
from .macros import Expander
from .model import Branch, ModelInput, Stream
from .reporter import Reporter
from .site import Flow
from .uses import BranchUse, Use, all_uses


@dataclass(frozen=True, slots=True)
class Streams:
    """The streams of a network, its inputs with what the names of their masks start with, and the
    branches behind the last stream."""

    streams: tuple[Stream, ...]
    inputs: tuple[tuple[str, ModelInput], ...]
    heads: tuple[Branch, ...] = ()


class StreamPlanner:
    """Lays the layers of one network out in streams."""

    def __init__(
        self,
        options: CheckOptions,
        report: Reporter,
        expander: Expander,
        inputs: InputResolver,
        chain: Chain,
    ) -> None:
        self.options = options
        self.report = report
        self.expander = expander
        self.inputs = inputs
        self.chain = chain

    def plan(
        self, written: Sequence[ast.Input], uses: Sequence[Use], errors: int
    ) -> Streams | None:
        """The streams; None after a reported mistake. `errors` were reported before."""
        top = uses[0].branches if uses else self.expander.heads
        if len(written) > 1 and top:
            return self._input_branches(written, top, uses)
        parts = _parts(uses, len(written))
        if len(parts) < len(written):
            if self.report.errors > errors:
                # Layers that are not known may well have used it.
                return None
            self._unused(written[len(parts)])
            return None
        if len(parts) == 1:
            (given,) = written
            start = uses or [use for branch in self.expander.heads for use in branch.uses]
            model_input = self.inputs.resolve(given, start, _standard_name(start))
            return None if model_input is None else self._one_input(uses, model_input)
        if len(parts) == 2 and any(reads_memory(use) for use in all_uses(parts[1])):
            return self._two_sequences(written, parts)
        return self._merged_parts(written, parts)

    def _one_input(self, uses: Sequence[Use], first: ModelInput) -> Streams:
        split = _encoder_and_decoder(uses)
        flow = Flow(first.type, first.span, "the input")
        if split is None:
            calls, after = self.chain.run(self._with_logits(uses), flow)
            heads = self._run_heads(after)
            return Streams((Stream(first.name, calls),), (("", first),), heads)
        encoder, decoder = split
        memory_calls, memory = self.chain.run(uses[:decoder], flow)
        name = "decoder_input_ids" if first.role == "ids" else "decoder_input"
        second = self.inputs.second(first, name)
        own = Flow(second.type, first.span, "the decoder's input", stream="decoder_")
        own = replace(own, memory=memory)
        calls, after = self.chain.run(self._with_logits((*uses[:encoder], *uses[decoder:])), own)
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
        heads = self._run_heads(after)
        return Streams(streams, (("", first), ("decoder_", second)), heads)

    def _two_sequences(
        self, written: Sequence[ast.Input], parts: Sequence[Sequence[Use]]
    ) -> Streams | None:
        """The second of two named inputs starts the sequence that reads the first's result."""
        resolved = self._resolved(written, parts)
        if resolved is None:
            return None
        first, second = resolved
        calls, memory = self.chain.run(parts[0], Flow(first.type, first.span, f"`{first.name}`"))
        own = Flow(second.type, second.span, f"`{second.name}`", stream="decoder_", memory=memory)
        more, after = self.chain.run(self._with_logits(parts[1]), own)
        streams = (Stream(first.name, calls), Stream(second.name, more, memory=0))
        heads = self._run_heads(after)
        return Streams(streams, (("", first), ("decoder_", second)), heads)

    def _merged_parts(
        self, written: Sequence[ast.Input], parts: Sequence[Sequence[Use]]
    ) -> Streams | None:
        """Layers from several inputs one behind the other, as if each part were a branch that ends
        at the first merge behind the last."""
        last = parts[-1]
        place = next((i for i, use in enumerate(last) if use.merges and not use.branches), None)
        if place is None:
            self.report.error(
                "E0230",
                "what the layers above give is not used: this starts another sequence",
                last[0].layer.name.span,
                help="a TransformerDecoder behind it attends to them, and a merge layer such as "
                "`Concatenate()` joins both",
            )
            return None
        parts = (*parts[:-1], last[:place])
        branches = tuple(
            BranchUse(
                each.name.text if each.name else f"input {number}",
                each.name.span if each.name else each.span,
                tuple(part),
            )
            for number, (each, part) in enumerate(zip(written, parts, strict=True), 1)
        )
        resolved = self._resolved(written, parts)
        if resolved is None:
            return None
        uses = (replace(last[place], branches=branches), *last[place + 1 :])
        return self._from_inputs(branches, resolved, uses)

    def _input_branches(
        self,
        written: Sequence[ast.Input],
        branches: Sequence[BranchUse],
        uses: Sequence[Use],
    ) -> Streams | None:
        """Branches at the top start from the inputs of their names."""
        by_name = {each.name.text: each for each in written if each.name is not None}
        chosen = []
        for branch in branches:
            if branch.name in by_name:
                chosen.append(by_name[branch.name])
                continue
            names = ", ".join(f"`{name}`" for name in by_name)
            self.report.error(
                "E0235",
                f"there is no input `{branch.name}` for this branch to start from",
                branch.span,
                labels=tuple(Label(each.span, "an input") for each in written[:3]),
                help=did_you_mean(branch.name, by_name)
                or (f"the inputs are {names}" if names else "give the inputs names"),
            )
        for each in written:
            if len(chosen) == len(branches) and each not in chosen:
                self._unused(each)
                return None
        if len(chosen) < len(branches):
            return None
        parts = [branch.uses or uses[:1] for branch in branches]
        resolved = self._resolved(chosen, parts)
        return None if resolved is None else self._from_inputs(branches, resolved, uses)

    def _from_inputs(
        self,
        branches: Sequence[BranchUse],
        inputs: Sequence[ModelInput],
        uses: Sequence[Use],
    ) -> Streams:
        """Branches that start from inputs, and the layers that they end at, or the outputs."""
        started = tuple(
            replace(branch, input=given, stream=f"{given.name}_")
            for branch, given in zip(branches, inputs, strict=True)
        )
        first = inputs[0]
        flow = Flow(first.type, first.span, f"`{first.name}`", stream=f"{first.name}_")
        if uses:
            uses = (replace(uses[0], branches=started), *uses[1:])
            calls, after = self.chain.run(self._with_logits(uses), flow)
            heads = self._run_heads(after)
        else:
            calls, heads = (), self._run_heads(flow, started)
        named = tuple((f"{given.name}_", given) for given in inputs)
        return Streams((Stream(first.name, calls),), named, heads)

    def _run_heads(
        self, flow: Flow, heads: Sequence[BranchUse] | None = None
    ) -> tuple[Branch, ...]:
        """The branches at the end of the network, each an output."""
        last = self.options.logits == "last"
        branches = tuple(
            replace(
                head,
                uses=(*head.uses, *last_position(head.uses, self.expander.scopes))
                if last
                else head.uses,
            )
            for head in (self.expander.heads if heads is None else heads)
        )
        if flow.type is None:
            for head in branches:
                self.chain.check_alone(head.uses)
            return ()
        return self.chain.heads(branches, flow)

    def _resolved(
        self, written: Sequence[ast.Input], parts: Sequence[Sequence[Use]]
    ) -> list[ModelInput] | None:
        """The types of several inputs; None after a reported mistake."""
        resolved: list[ModelInput] = []
        for number, (each, part) in enumerate(zip(written, parts, strict=True)):
            model_input = self.inputs.resolve(each, part, f"{_standard_name(part)}_{number}")
            if model_input is None:
                return None
            resolved.append(model_input)
        return resolved

    def _unused(self, extra: ast.Input) -> None:
        name = f"`{extra.name.text}`" if extra.name else "this input"
        self.report.error(
            "E0230",
            f"{name} is not used",
            extra.name.span if extra.name else extra.span,
            help="each Embedding after the first starts from the next input, and a branch "
            "`NAME: { … }` at the top of the layers from the input of its name",
        )

    def _with_logits(self, uses: Sequence[Use]) -> Sequence[Use]:
        """The layers of the stream that gives the result, and what the option wants of it."""
        if self.options.logits == "all" or not uses or self.expander.heads:
            return uses
        return (*uses, *last_position(uses, self.expander.scopes))


def _standard_name(part: Sequence[Use]) -> str:
    """What an input without a name is called."""
    first = next(iter(all_uses(part)), None)
    ids = first is not None and first.spec is not None and first.spec.role is Role.EMBEDDING
    return "input_ids" if ids else "input"


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


def _has_role(use: Use, role: Role) -> bool:
    return any(each.spec is not None and each.spec.role is role for each in all_uses((use,)))


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
    reads = any(reads_memory(use) for use in all_uses(uses[decoder:]))
    return (encoder, decoder) if reads else None
