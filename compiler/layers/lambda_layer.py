"""Lambda: a formula applied to each element."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...ir.span import Span
from ...ir.type import TensorType
from ..checking.site import Site
from .formula import Formula, FormulaError, UselessFormulaError, read_formula
from .spec import LayerSpec, Parameter, Wants, define

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction


def _check(site: Site) -> None:
    """The text is a formula."""
    a = site.arguments
    if not a.usable("function"):
        return
    try:
        read_formula(a["function"])
    except FormulaError as wrong:
        code = "E0320" if isinstance(wrong, UselessFormulaError) else "E0319"
        help = wrong.help or 'a formula over `x`, like "2 * x + 1"'
        site.error(code, str(wrong), _within(site, wrong), help=help)
        a.failed.add("function")


def _within(site: Site, wrong: FormulaError) -> Span:
    """The place in the source, where the text stands there as it is read."""
    span, text = site.span("function"), site.arguments["function"]
    if span.line != span.end_line or span.end_column - span.column != len(text) + 2:
        return span
    start = span.column + 1 + wrong.start
    end = max(span.column + 1 + wrong.end, start + 1)  # the quote where the text ends too early
    return Span(span.file, span.line, start, span.line, end)


def _shape(site: Site) -> TensorType | None:
    """The shape stays."""
    return site.arriving if site.require_float() else None


def _build(make: Construction, x: Value) -> Value:
    def written(formula: Formula) -> Value:
        if formula.number is not None:
            return make.number(formula.number)
        if not formula.operands:
            return x
        return make(formula.op, *map(written, formula.operands))

    return written(read_formula(make["function"]))


def _nodes(arguments: Mapping[str, Any]) -> int:
    try:
        return read_formula(arguments["function"] or "").ops
    except FormulaError:
        return 0


define(
    LayerSpec(
        "Lambda",
        'A formula for each element x, as "2 * x + 1": + - * / ** and brackets, abs, exp, log, '
        "sqrt, tanh, sigmoid, relu, min, max. Nothing else is read, and nothing runs as Python.",
        "lambda",
        (Parameter("function", Wants.TEXT, doc="the formula", aliases=("formula",)),),
        _shape,
        _build,
        check=_check,
        nodes=_nodes,
    )
)
