"""The passes between the fused graph and lowering, in order, with the reason of each.

In: a target and what the user asked for. Out: the passes.
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
from .flatten_rows import FlattenRows
from .fold_constants import FoldConstants
from .manager import Pass
from .pad_hidden import PadHidden
from .quantize import Quantize
from .reduce_as_product import ReduceAsProduct
from .select_forms import SelectForms


@dataclass(frozen=True, slots=True)
class FormsRequest:
    """What the passes are made for."""

    target: Target
    forms: Mapping[str, str] = field(default_factory=dict)
    """The user's `--form` choices."""
    plan: QuantizationPlan = field(default_factory=QuantizationPlan)
    """Which products compute in less than 32 bits."""


Make = Callable[[FormsRequest], Pass]

FORMS_FROM_LEVEL = 2
"""Below it nothing is fused, so there is no form to choose."""

UNFUSED_PIPELINE: tuple[tuple[Make, str], ...] = (
    (
        lambda request: BoundScores(request.target.float_dtype),
        "kernels mask scores by adding, which an infinite score survives",
    ),
)
"""What every graph needs before it is lowered: that no token reaches another through an overflow
holds at every level. It leaves networks alone that have a norm or ids before each attention."""

FORMS_PIPELINE: tuple[tuple[Make, str], ...] = (
    *UNFUSED_PIPELINE,
    (
        lambda request: ReduceAsProduct(request.target.name),
        "a product adds rows up faster than a reduction; what makes its rows is folded below",
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
        lambda request: SelectForms(request.target, request.forms),
        "each fused op takes the form that was measured fastest on the target",
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


def forms_rows(level: int) -> tuple[tuple[Make, str], ...]:
    """The passes of an optimization level that come behind the fused graph, with their reasons."""
    return FORMS_PIPELINE if level >= FORMS_FROM_LEVEL else UNFUSED_PIPELINE


def forms_passes(
    target: Target,
    forms: Mapping[str, str],
    level: int = FORMS_FROM_LEVEL,
    plan: QuantizationPlan | None = None,
) -> list[Pass]:
    """The passes for a target under the user's `--form` choices and a plan of precisions.

    Running them raises `CompileError` E0622 or E0623 for a choice that is unknown or cannot be.
    """
    request = FormsRequest(target, forms, plan or QuantizationPlan())
    return [make(request) for make, _ in forms_rows(level)]
