"""The passes between the fused graph and lowering, in order, with the reason of each.

In: a target, what the user asked for and what was measured. Out: the passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..ir.quantization import QuantizationPlan
from ..ir.target import Target
from .bound_scores import BoundScores
from .canonicalize import Canonicalize
from .common_subexpressions import CommonSubexpressions
from .dead_code import DeadCode
from .direct_output import DirectOutput
from .equalize import Equalize
from .flatten_rows import FlattenRows
from .fold_constants import FoldConstants
from .manager import Pass
from .pack_rows import PackRows
from .pad_hidden import PadHidden
from .pad_operands import PadOperands
from .quantize import Quantize
from .reduce_as_product import ReduceAsProduct
from .select_forms import SelectForms, Watch
from .tuned_forms import TunedForms


@dataclass(frozen=True, slots=True)
class FormsRequest:
    """What the passes are made for."""

    target: Target
    forms: Mapping[str, str] = field(default_factory=dict)
    """The user's `--form` choices."""
    plan: QuantizationPlan = field(default_factory=QuantizationPlan)
    """Which products compute in less than 32 bits."""
    padding: str = "auto"
    """The user's `--padding`: whether padding positions are computed."""
    tuned: TunedForms | None = None
    """What was measured for the graph."""
    watch: Watch | None = None
    """Told each choice of a form."""


Make = Callable[[FormsRequest], Pass]

FORMS_FROM_LEVEL = 2
"""Below it nothing is fused, so there is no form to choose."""

MEASURED_FROM_LEVEL = 3
"""From it on, what the tables leave open is measured on the machine that compiles."""

UNFUSED_PIPELINE: tuple[tuple[Make, str], ...] = (
    (
        lambda request: BoundScores(request.target.float_dtype),
        "kernels mask scores by adding, which an infinite score survives",
    ),
)
"""What every graph needs before it is lowered: that no token reaches another through an overflow
holds at every level. It leaves networks alone that have a norm or ids before each attention."""


def _select_forms(request: FormsRequest) -> Pass:
    return SelectForms(request.target, request.forms, request.tuned, request.watch)


FORMS_PIPELINE: tuple[tuple[Make, str], ...] = (
    *UNFUSED_PIPELINE,
    (
        lambda request: ReduceAsProduct(request.target.name),
        "a product adds rows up faster than a reduction; what makes its rows is folded below",
    ),
    (
        lambda request: Equalize(request.plan.factors),
        "while norms and attentions still show what their columns are read by",
    ),
    (
        lambda request: PackRows(request.target.name, request.padding),
        "what is not computed for padding is saved",
    ),
    (lambda request: FlattenRows(), "Gemm, the fastest product, works on rows"),
    (
        lambda request: Quantize(request.plan),
        "before the forms, which are chosen for what is left in float32",
    ),
    (
        lambda request: PadHidden(request.target.name),
        "rows a multiple of 4 KB apart crowd each other out of the cache; padding is folded below",
    ),
    (
        lambda request: DirectOutput(request.target.name),
        "behind what cares for products: an output that is a reshape costs a copy of it",
    ),
    (
        _select_forms,
        "each fused op takes the form that was measured fastest on the target",
    ),
    (
        lambda request: PadOperands(request.target.name),
        "for the products that are left: packed projections have become such by now",
    ),
    (lambda request: FoldConstants(), "masks and positions that forms have written out"),
    (
        lambda request: Canonicalize(),
        "reshapes that met while the forms were written; constants stand last",
    ),
    (
        lambda request: CommonSubexpressions(),
        "layers of one form make the same masks: one is enough",
    ),
    (lambda request: DeadCode(), "weights that packing or folding has left behind"),
)
"""Each pass and why it stands there."""

OPTIONAL_PASSES = (
    "reduce_as_product",
    "flatten_rows",
    "pad_hidden",
    "direct_output",
    "pad_operands",
)
"""Passes that the rest does without, so that measuring may leave one out where that is faster.
`pack_rows` is none: what it gains depends on how much padding the data has."""

_MEASURED = "each fused op takes the form that this machine ran fastest, at these very sizes; "
_MEASURED += "a pass that does not pay in the whole model is left out"


def forms_rows(level: int) -> tuple[tuple[Make, str], ...]:
    """The passes of an optimization level that come behind the fused graph, with their reasons."""
    if level < FORMS_FROM_LEVEL:
        return UNFUSED_PIPELINE
    if level < MEASURED_FROM_LEVEL:
        return FORMS_PIPELINE
    return tuple(
        (make, _MEASURED if make is _select_forms else why) for make, why in FORMS_PIPELINE
    )


def forms_passes(
    target: Target,
    forms: Mapping[str, str],
    level: int = FORMS_FROM_LEVEL,
    plan: QuantizationPlan | None = None,
    tuned: TunedForms | None = None,
    watch: Watch | None = None,
    padding: str = "auto",
) -> list[Pass]:
    """The passes for a target under the user's `--form` choices and `--padding`, a plan of
    precisions and what was measured.

    `watch` is told each choice of a form. Running them raises `CompileError` E0622 or E0623 for a
    choice of the user that is unknown or cannot be, E0642 for a measured one that cannot be.
    """
    request = FormsRequest(target, forms, plan or QuantizationPlan(), padding, tuned, watch)
    without = tuned.without if tuned is not None else frozenset()
    passes = [make(request) for make, _ in forms_rows(level)]
    return [each for each in passes if each.name not in without or each.name not in OPTIONAL_PASSES]
