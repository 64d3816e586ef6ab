"""The passes between the fused graph and lowering, in order, with the reason of each.

In: a target and the user's choices. Out: the passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..ir.target import Target
from .bound_scores import BoundScores
from .canonicalize import Canonicalize
from .common_subexpressions import CommonSubexpressions
from .dead_code import DeadCode
from .flatten_rows import FlattenRows
from .fold_constants import FoldConstants
from .manager import Pass
from .pad_hidden import PadHidden
from .reduce_as_product import ReduceAsProduct
from .select_forms import SelectForms

Make = Callable[[Target, Mapping[str, str]], Pass]

FORMS_FROM_LEVEL = 2
"""Below it nothing is fused, so there is no form to choose."""

UNFUSED_PIPELINE: tuple[tuple[Make, str], ...] = (
    (
        lambda target, forms: BoundScores(target.float_dtype),
        "kernels mask scores by adding, which an infinite score survives",
    ),
)
"""What every graph needs before it is lowered: that no token reaches another through an overflow
holds at every level. It leaves networks alone that have a norm or ids before each attention."""

FORMS_PIPELINE: tuple[tuple[Make, str], ...] = (
    *UNFUSED_PIPELINE,
    (
        lambda target, forms: ReduceAsProduct(target.name),
        "a product adds rows up faster than a reduction; what makes its rows is folded below",
    ),
    (lambda target, forms: FlattenRows(), "Gemm, the fastest product, works on rows"),
    (
        lambda target, forms: PadHidden(target.name),
        "rows a multiple of 4 KB apart crowd each other out of the cache; padding is folded below",
    ),
    (
        lambda target, forms: SelectForms(target, forms),
        "each fused op takes the form that was measured fastest on the target",
    ),
    (lambda target, forms: FoldConstants(), "masks and positions that forms have written out"),
    (
        lambda target, forms: Canonicalize(),
        "reshapes that met while the forms were written; constants stand last",
    ),
    (
        lambda target, forms: CommonSubexpressions(),
        "layers of one form make the same masks: one is enough",
    ),
    (lambda target, forms: DeadCode(), "weights that packing or folding has left behind"),
)
"""Each pass and why it stands there."""


def forms_rows(level: int) -> tuple[tuple[Make, str], ...]:
    """The passes of an optimization level that come behind the fused graph, with their reasons."""
    return FORMS_PIPELINE if level >= FORMS_FROM_LEVEL else UNFUSED_PIPELINE


def forms_passes(
    target: Target, forms: Mapping[str, str], level: int = FORMS_FROM_LEVEL
) -> list[Pass]:
    """The passes for a target under the user's `--form` choices.

    Running them raises `CompileError` E0622 or E0623 for a choice that is unknown or cannot be.
    """
    return [make(target, forms) for make, _ in forms_rows(level)]
