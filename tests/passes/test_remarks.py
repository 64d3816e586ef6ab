"""Remarks as the user sees them."""

from __future__ import annotations

import pytest
from neuralc.ir.codes import CODES
from neuralc.ir.diagnostic import Severity
from neuralc.ir.node import Node
from neuralc.ir.span import Span
from neuralc.passes.remarks import RemarkKind, Remarks

LINE = Span("model.neural", 7, 5, 7, 60)


def node(scope: str, *spans: Span) -> Node:
    return Node("exp", (), (), spans=spans, scope=scope)


@pytest.mark.parametrize("kind", RemarkKind)
def test_every_kind_has_a_registered_code(kind: RemarkKind) -> None:
    assert kind.code in CODES
    assert kind.code.startswith("R")


def test_a_remark_stands_at_the_first_place_of_its_nodes() -> None:
    remarks = Remarks()
    other = Span("model.neural", 9, 1, 9, 2)
    remarks.fused("fuse_x", "x is one", [node("a/b", LINE), node("a/c", LINE, other)])
    (remark,) = remarks.all()
    assert remark.spans == (LINE, other)
    assert remark.scope == "a"
    diagnostic = remark.as_diagnostic()
    assert diagnostic.severity is Severity.REMARK
    assert (diagnostic.code, diagnostic.span) == ("R0801", LINE)
    assert (diagnostic.message, diagnostic.notes) == ("fused: x is one", ("in a",))


def test_what_is_equal_about_one_place_is_told_once() -> None:
    remarks = Remarks()
    for index in range(12):
        remarks.missed("fuse_x", "it is used elsewhere", [node(f"encoder[{index}]", LINE)])
    remarks.missed(
        "fuse_x", "it is used elsewhere", [node("head", Span("model.neural", 9, 1, 9, 2))]
    )
    first, second = remarks.diagnostics()
    assert first.message == "not fused: it is used elsewhere (12 times)"
    assert first.notes == ("in encoder[0] … encoder[11]",)
    assert second.message == "not fused: it is used elsewhere"
    assert second.notes == ("in head",)


def test_few_scopes_are_named_each() -> None:
    remarks = Remarks()
    for scope in ("a", "b", "a"):
        remarks.form("select_forms", "gemm", [node(scope, LINE)])
    (diagnostic,) = remarks.diagnostics()
    assert diagnostic.message == "gemm (3 times)"
    assert diagnostic.notes == ("in a, b",)


def test_a_remark_without_a_place() -> None:
    remarks = Remarks()
    remarks.note("fuse_x", "hello", [])
    (diagnostic,) = remarks.diagnostics()
    assert diagnostic.span is None
    assert diagnostic.notes == ()
