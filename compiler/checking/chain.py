"""Running a chain of layers by their rules: shapes, masks, positions, memory.

In: `Use` values and the flow that enters. Out: `LayerCall` values and the flow that leaves.
Mistakes are reported; behind one the flow may be unknown, and the rules that need no shape still
apply.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ...ir.dim import largest, product
from ...ir.span import Span
from ...ir.type import TensorType
from ..layers.spec import LayerSpec, Role, layer_named
from ..layers.weight import Weight
from .arguments import Arguments
from .check_options import CheckOptions
from .forks import Ended, cannot_take, merged, reads_memory, run_branches
from .last_position import OPTION as LAST_POSITION
from .mask_inputs import PADDING, PAIRWISE, MaskInputs
from .model import Branch, LayerCall, left_over
from .reporter import Reporter
from .scopes import Scopes
from .site import Flow, Site, longest, shape_text
from .uses import BranchUse, Use

ELEMENT_LIMIT = 2**40
"""Elements of one tensor, for one row of the batch and open axes at their maxima."""

TRAIL = 6
"""How many changes of the shape are remembered for messages."""

TRANSFORMERS = (Role.ENCODER, Role.DECODER)


class Chain:
    """Applies the rules of one network's layers."""

    def __init__(
        self,
        options: CheckOptions,
        report: Reporter,
        scopes: Scopes,
        masks: MaskInputs,
        loss: str | None,
    ) -> None:
        self.options = options
        self.report = report
        self.masks = masks
        self.loss = loss
        self._scopes = scopes
        self._position_scope: str | None = None
        self._told_of_positions = False

    def run(self, uses: Sequence[Use], flow: Flow) -> tuple[tuple[LayerCall, ...], Flow]:
        """The calls of a chain, and what leaves it."""
        calls: list[LayerCall] = []
        for use in uses:
            with self.report.within(use.labels):
                flow = self._use(use, flow, calls)
        return tuple(calls), flow

    def heads(self, branches: Sequence[BranchUse], flow: Flow) -> tuple[Branch, ...]:
        """The branches at the end of a network, each for one of its outputs."""
        return run_branches(branches, flow, self.run).branches

    def check_alone(self, uses: Sequence[Use]) -> None:
        """The rules that need no shape, for layers of a bare snippet."""
        for use in uses:
            for branch in use.branches:
                self.check_alone(branch.uses)
            if use.spec is None:
                continue
            with self.report.within(use.labels):
                if use.spec.check is not None:
                    arguments = use.arguments.copy()
                    use.spec.check(Site(use.spec, arguments, None, self.report, self.loss))
            self.check_alone(use.block or ())

    # ---- one layer ----------------------------------------------------------------------------

    def _use(self, use: Use, flow: Flow, calls: list[LayerCall]) -> Flow:
        spec = use.spec
        if flow.type is None:
            self.check_alone((use,))
            return flow
        ended = Ended((), ())
        if use.branches:
            ended = run_branches(use.branches, flow, self.run)
        if spec is None:
            return replace(flow, type=None)
        arriving = self._arriving(use, spec, flow, ended)
        if arriving is None or arriving.type is None:
            self.check_alone((replace(use, branches=()),))
            return replace(flow, type=None)
        flow = arriving
        if not self._fits_rank(use, spec, flow):
            self.check_alone((use,))
            return replace(flow, type=None)
        before = len(calls)
        flow = self._positions(use, spec, flow, calls)
        flow, masks = self._masks(use, spec, flow)
        if flow.type is None:
            return flow
        errors = self.report.errors
        site = Site(spec, use.arguments.copy(), flow, self.report, self.loss)
        site.branches = tuple(
            (branch.name, each) for branch, each in zip(use.branches, ended.flows, strict=True)
        )
        if use.block is not None:
            site.run_block = self._block_runner(use, site)
        if spec.check is not None:
            spec.check(site)
        gives: TensorType | None = None
        if not site.arguments.failed.intersection(spec.shape_by):
            gives = spec.shape(site)
        failed = bool(site.arguments.failed) or self.report.errors > errors
        weights: tuple[Weight, ...] = ()
        if gives is not None and not failed:
            weights = spec.weights(site) if spec.weights is not None else ()
            if not self._within_limits(use, gives, weights):
                return replace(flow, type=None)
            if len(calls) > before:
                self._tell_of_positions(use, flow, calls[before])
            calls.append(_call(use, spec, site, weights, flow.type, gives, masks, ended.branches))
        return self._after(use, spec, flow, gives)

    def _after(self, use: Use, spec: LayerSpec, flow: Flow, gives: TensorType | None) -> Flow:
        if not spec.mask_with(use.arguments.values).keeps:
            flow = flow.without_masks()
        masked = spec.role is Role.MASKING or (
            spec.role is Role.EMBEDDING and use.arguments["mask_zero"]
        )
        place, name, trail = flow.origin, flow.origin_name, flow.trail
        if gives != flow.type:
            place, name = use.layer.name.span, f"`{use.layer.name.text}`"
            if gives is not None and flow.type is not None:
                start = trail or ((flow.origin_name, shape_text(flow.type)),)
                trail = (*start[1 - TRAIL :], (name, shape_text(gives)))
        return replace(
            flow,
            type=gives,
            origin=place,
            origin_name=name,
            trail=trail,
            padding=flow.padding or bool(masked),
            positions=flow.positions or spec.role is Role.POSITIONS,
        )

    def _arriving(self, use: Use, spec: LayerSpec, flow: Flow, ended: Ended) -> Flow | None:
        """What enters a layer's rules: the flow, or what branches make of it. None after a reported
        mistake, or where a branch's result is unknown."""
        if spec.merge is not None and not use.branches:
            self.report.error(
                "E0231",
                f"`{use.layer.name.text}` joins branches, and one value arrives",
                use.layer.name.span,
                help="to add a part's result to its input, write `ResidualConnection { … }`; to "
                "run layers side by side, `a: { … } b: { … }` in front of it",
            )
            return None
        if not use.branches:
            return flow
        if spec.merge is not None:
            return merged(use, use.arguments, flow, ended.flows) if ended.known else None
        if not ended.known:
            return None
        left = left_over(ended.branches)
        if len(left) == 1:
            return ended.flows[left[0]]
        if len(use.branches) == 2 and reads_memory(use):
            memory, last = ended.flows
            return replace(last, memory=memory)
        cannot_take(use, ended, self.report)
        return None

    def _block_runner(self, use: Use, site: Site) -> Callable[[Flow], Flow]:
        def run(flow: Flow) -> Flow:
            site.block, after = self.run(use.block or (), replace(flow, trail=()))
            return after

        return run

    def _fits_rank(self, use: Use, spec: LayerSpec, flow: Flow) -> bool:
        assert flow.type is not None
        if spec.rank is None or flow.type.rank == spec.rank + 1:
            return True
        site = Site(spec, use.arguments, flow, self.report)
        if not flow.type.dtype.is_float:
            site.require_float()
            return False
        wanted = _RANKS.get(spec.rank, f"{spec.rank} dimensions")
        site.error(
            "E0301",
            f"`{use.layer.name.text}` takes {wanted}, and {shape_text(flow.type)} arrives",
            labels=site.origin_label("{name} gives " + shape_text(flow.type)),
            help=_rank_help(spec.rank, flow.type)
            if site.name != LAST_POSITION
            else "leave it out: the network gives no result for each position",
        )
        return False

    def _within_limits(self, use: Use, gives: TensorType, weights: tuple[Weight, ...]) -> bool:
        row = largest(product(gives.shape[1:]), dict.fromkeys(_symbols(gives), 1)) or 0
        too_large = row > ELEMENT_LIMIT
        what = f"the result {shape_text(gives)}"
        for weight in weights:
            count = product(weight.shape)
            if isinstance(count, int) and count > ELEMENT_LIMIT:
                too_large, what = True, f"the weight {weight.path} {weight.shape}"
        if too_large:
            self.report.error(
                "E0313",
                f"{what} would have more than 2^40 elements",
                use.layer.name.span,
            )
        return not too_large

    # ---- positions ----------------------------------------------------------------------------

    def _positions(self, use: Use, spec: LayerSpec, flow: Flow, calls: list[LayerCall]) -> Flow:
        """Adds positions before the first transformer block of a stream that has none yet."""
        attends = spec.role in (*TRANSFORMERS, Role.ATTENTION) and not _is_cross(use, spec)
        if flow.positions or not attends or flow.type is None or not flow.type.dtype.is_float:
            return flow
        wanted = self.options.positions or "sinusoidal"
        if spec.role is Role.ATTENTION or wanted == "none":
            if self._told_of_positions:
                return flow
            self._told_of_positions = True
            self.report.lint_warning(
                "W0213",
                f"`{use.layer.name.text}` attends without positions: it cannot tell the order of "
                "what arrives",
                use.layer.name.span,
                help="put `PositionalEncoding()` in front of it",
            )
            return flow
        encoding = layer_named("PositionalEncoding")
        assert encoding is not None
        place = use.layer.name.span
        arguments = _defaults(encoding, place)
        arguments.values["encoding_type"] = wanted
        length = longest(flow.type.shape[1])
        if wanted == "learned":
            if length is None:
                self.report.error(
                    "E0308",
                    "learned positions need a bound of the sequence's length",
                    place,
                    help="bound it, for example with `--max seq=512`",
                )
                return replace(flow, type=None)
            arguments.values["max_len"] = length
        if not isinstance(flow.type.shape[-1], int):
            return flow
        if self._position_scope is None:
            self._position_scope = self._scopes.automatic("", encoding)
        site = Site(encoding, arguments, flow, self.report)
        weights = encoding.weights(site) if encoding.weights is not None else ()
        calls.append(
            LayerCall(
                encoding,
                self._position_scope,
                arguments.values,
                weights,
                flow.type,
                flow.type,
                (place, *use.calls),
            )
        )
        return replace(flow, positions=True)

    def _tell_of_positions(self, use: Use, flow: Flow, call: LayerCall) -> None:
        self.report.note(
            "N0201",
            f"{call.arguments['encoding_type']} positions are added before this layer"
            + (" of the decoder's sequence" if flow.stream == "decoder_" else ""),
            use.layer.name.span,
            help="`PositionalEncoding(…)` says which, `--positions none` leaves them out",
        )

    # ---- masks --------------------------------------------------------------------------------

    def _masks(self, use: Use, spec: LayerSpec, flow: Flow) -> tuple[Flow, tuple[str, ...]]:
        """Joins the mask inputs that are wanted at this layer to the flow."""
        if (
            not spec.mask_with(use.arguments.values).reads
            or flow.type is None
            or flow.type.rank != 3
        ):
            return flow, ()
        if _is_cross(use, spec):
            return flow, ()
        wish = use.arguments.values.get("use_attention_mask", False)
        at = use.arguments.span("use_attention_mask")
        joined: list[str] = []
        if wish == PAIRWISE and not flow.pairwise:
            name = self.masks.request(flow, PAIRWISE, at, 'use_attention_mask="pairwise"')
            if name is None:
                return replace(flow, type=None), ()
            joined.append(name)
            flow = replace(flow, pairwise=True)
        by_option = self.options.padding_mask and not flow.joined
        if (wish is True and not flow.joined) or by_option:
            who = "use_attention_mask=true" if wish is True else "--padding-mask"
            name = self.masks.request(flow, PADDING, at, who)
            if name is None:
                return replace(flow, type=None), ()
            joined.append(name)
            flow = replace(flow, padding=True, joined=True)
        return flow, tuple(joined)


def _is_cross(use: Use, spec: LayerSpec) -> bool:
    """Whether a layer attends to the memory only: it reads the memory's mask, not the stream's."""
    return spec.role is Role.ATTENTION and bool(use.arguments["mode"] == "cross")


_RANKS = {
    2: "a sequence (length, width)",
    3: "an image (height, width, channels)",
    4: "a volume (depth, height, width, channels)",
}


def _rank_help(rank: int, type: TensorType) -> str | None:
    if rank == 2 and type.rank == 2:
        return "a sequence's length is missing; shapes leave out the batch only"
    if rank == 2 and type.rank == 4:
        return "bring it into a sequence with `Reshape(target_shape=(…, …))`"
    if rank == 3 and type.rank == 2:
        return "an image has three dimensions: `Reshape((height, width, channels))` makes one"
    if rank == 3 and type.rank == 3:
        return "give the channels too, for example (28, 28, 1)"
    return None


def _symbols(type: TensorType) -> tuple[str, ...]:
    from ...ir.dim import symbols_of

    return tuple(symbol.name for symbol in symbols_of(type.shape))


def _defaults(spec: LayerSpec, place: Span) -> Arguments:
    values = {p.name: p.default for p in spec.all_parameters}
    return Arguments(spec.name, place, values)


def _call(
    use: Use,
    spec: LayerSpec,
    site: Site,
    weights: tuple[Weight, ...],
    arrives: TensorType,
    gives: TensorType,
    masks: tuple[str, ...],
    branches: tuple[Branch, ...],
) -> LayerCall:
    return LayerCall(
        spec,
        use.scope,
        site.arguments.values,
        weights,
        arrives,
        gives,
        (use.layer.span, *use.calls),
        masks,
        site.block,
        use.device,
        branches,
    )
