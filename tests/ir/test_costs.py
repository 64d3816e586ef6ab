"""Tables of measured costs: what they estimate, and what the committed ones hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from neuralc.ir import costs as costs_module
from neuralc.ir.costs import CostTable, cost_table, shape_class
from neuralc.ir.quantization import QUANTIZED
from neuralc.ir.target import target_named

CPU = target_named("cpu")
CLASSES = {shape_class(rows, columns) for rows in (1, 100, 500) for columns in (64, 768)}


def test_costs_between_and_beyond_what_was_measured() -> None:
    table = CostTable({"gelu": {"gelu20": ((100.0, 1.0), (10_000.0, 100.0))}})
    assert table.estimate("gelu", "gelu20", 1000) == pytest.approx(10)
    assert table.estimate("gelu", "gelu20", 1) == 1
    assert table.estimate("gelu", "gelu20", 20_000) == pytest.approx(200)
    assert table.estimate("gelu", "other", 1000) is None


def test_a_shape_has_a_class() -> None:
    shapes = {shape_class(rows, columns) for rows in (1, 2, 128, 129) for columns in (511, 512)}
    assert shapes == {
        f"{rows}, {width}"
        for rows in ("one row", "some rows", "many rows")
        for width in ("narrow", "wide")
    }
    assert shape_class(128, 511) == "some rows, narrow"
    assert shape_class(129, 512) == "many rows, wide"


def test_rows_of_the_same_class_count_before_all() -> None:
    wide = ("fp32", "gelu", "gelu20", "one row, wide")
    points = {"gelu": {"gelu20": ((100.0, 7.0),)}}
    table = CostTable(points, cells={wide: ((100.0, 3.0),)})
    assert table.estimate("gelu", "gelu20", 100, "one row, wide") == 3
    assert table.estimate("gelu", "gelu20", 100, "one row, narrow") == 7
    assert table.estimate("gelu", "gelu20", 100, "one row, wide", "int8") is None


def test_the_committed_table_has_classes_and_precisions() -> None:
    table = cost_table("cpu")
    for op in ("linear", "qkv_projection", "gelu", "bias_gelu", "skip_layer_norm"):
        for form in CPU.forms[op]:
            known = {cell[3] for cell in table.cells if cell[:3] == ("fp32", op, form.name)}
            assert known == {"", *CLASSES}
    for precision in QUANTIZED:
        cells = [cell for cell in table.cells if cell[:2] == (precision, "linear")]
        assert {cell[3] for cell in cells} == {"", *CLASSES}
    for rows in table.cells.values():
        assert rows == tuple(sorted(rows, key=lambda row: row[0]))
        assert all(size > 0 and 0 < cost < 1e8 for size, cost in rows)


def test_the_file_of_costs_has_the_shape_that_is_documented() -> None:
    file = Path(costs_module.__file__).parent / "targets" / "cpu.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    assert set(content) == {"machine", "measured", "microseconds", "precisions"}
    assert set(content["precisions"]) == set(QUANTIZED)
    known = {case for cases in content["precisions"].values() for case in cases}
    assert set(content["measured"]) <= known | set(content["microseconds"])
    for cases in (content["microseconds"], *content["precisions"].values()):
        for forms in cases.values():
            for rows in forms.values():
                for size, cost, *shape in rows:
                    assert (type(size), type(cost)) == (float, float)
                    assert len(shape) <= 1
                    assert set(shape) <= CLASSES
