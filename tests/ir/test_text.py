"""The text form: what it looks like, that it reads back, and what it refuses."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from neuralc.ir.dim import Dim, symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.equality import difference, equal
from neuralc.ir.graph import Graph
from neuralc.ir.parameter import Computed, Literal, ParameterSource, Seeded, Stored
from neuralc.ir.span import Span
from neuralc.ir.text import GraphTextError, parse_graph, print_graph
from neuralc.ir.type import TensorType
from neuralc.ir.value import Kind

SAMPLE = """\
graph @Name {
  symbol B >= 1 "the batch"
  symbol S >= 1 <= 128
  metadata "key" = "a \\"value\\""
  %input_ids = input : i64[B, S]
  %"encoder[0]/kernel" = parameter seeded random_uniform(minval=-0.05, maxval=0.05, seed=3) : f32[8, 4]
  %packed = parameter computed concat(stored "w.safetensors" "a" : f32[8, 2], seeded zeros(seed=0, path="b") : f32[8, 2]) {axis = 1} : f32[8, 4]
  %steps = state 7 : i64[]
  %constant = constant [0.1, -0.0, inf, nan] : f32[4]
  %gather = gather(%"encoder[0]/kernel", %input_ids) : f32[B, S, 4]  in encoder[0]/x at a.neural:5:5-5:60, "b c":1:1-2:3
  %reshape = reshape(%gather) {shape = (B*S, 4)} : f32[B*S, 4]
  %layer_norm = layer_norm(%reshape, _, %constant) {epsilon = 1e-05} : f32[B*S, 4]
  %split, %split_1 = split(%layer_norm) {axis = 1, sizes = (1, 3)} : f32[B*S, 1], f32[B*S, 3]
  output %split_1 as "output"
}
"""  # noqa: E501


def test_the_form() -> None:
    graph = parse_graph(SAMPLE)
    assert print_graph(graph, locations=True) == SAMPLE
    node = graph.nodes()[0]
    assert node.scope == "encoder[0]/x"
    assert node.spans == (Span("a.neural", 5, 5, 5, 60), Span("b c", 1, 1, 2, 3))
    assert graph.metadata == {"key": 'a "value"'}
    assert graph.symbols()["S"].maximum == 128


def test_without_locations_scopes_and_spans_are_left_out() -> None:
    graph = parse_graph(SAMPLE)
    text = print_graph(graph)
    assert "a.neural" not in text
    assert not equal(graph, parse_graph(text))
    assert equal(graph, parse_graph(text), locations=False)


def test_blanks_and_comments_mean_nothing() -> None:
    loose = SAMPLE.replace(" = ", "=").replace("\n", " # so\n\n").replace(", ", " ,\t")
    assert equal(parse_graph(loose.replace("a \\", "a \\")), parse_graph(SAMPLE))


def test_nested_graphs_and_foreign_ops() -> None:
    inner = Graph("body")
    x = inner.add_input("x", TensorType(DType.F32, (symbol("S"),)))
    inner.outputs["y"] = Emitter(inner)("neg", x)
    graph = Graph("outer")
    y = graph.add_input("y", TensorType(DType.F32, (2,)))
    attributes: dict[str, Any] = {"to": None, "list": (1, 1.0, True, "s", DType.F16, (), (2,))}
    loop = graph.add(
        "onnx.Loop", [None, y, None], attributes, types=(y.type, y.type), regions=(inner, inner)
    )
    graph.add("onnx.Print", [y], types=())
    graph.outputs["out"] = loop.results[1]
    text = print_graph(graph)
    back = parse_graph(text)
    assert difference(graph, back) is None
    assert print_graph(back) == text
    found = back.nodes()[0]
    assert found.operands[0] is None
    assert found.operands[2] is None
    assert [type(each) for each in found.attributes["list"]] == [
        int, float, bool, str, DType, tuple, tuple,
    ]  # fmt: skip
    assert found.regions[1].nodes()[0].op == "neg"


@pytest.mark.parametrize("name", ["true", "f32", "inf", "nan", "none", "dim", "input", "S2"])
def test_symbols_may_be_called_like_words_of_the_text(name: str) -> None:
    dim = symbol(name)
    graph = Graph("t")
    x = graph.add_input("x", TensorType(DType.F32, (dim, 4)))
    emit = Emitter(graph)
    emit("reshape", x, shape=(dim * 4,))
    emit("slice", x, axis=0, start=dim // 2, stop=dim)
    graph.outputs["y"] = emit("reshape", x, shape=(2, dim, 2))
    assert difference(graph, parse_graph(print_graph(graph))) is None


def test_a_symbol_that_the_data_decides_is_read_back_with_its_bound() -> None:
    length = symbol("S", 1, 8)
    graph = Graph("t")
    mask = graph.add_input("mask", TensorType(DType.BOOL, (length * 2 + 1,)))
    count = symbol("P", origin='what "mask" counts', within=length * 2 + 1)
    graph.outputs["rows"] = Emitter(graph)("nonzero", mask, count=count)
    text = print_graph(graph)
    assert 'symbol P >= 1 within 2*S+1 "what \\"mask\\" counts"' in text
    back = parse_graph(text)
    assert difference(graph, back) is None
    assert back.outputs["rows"].type == graph.outputs["rows"].type


def test_two_symbols_of_one_name_cannot_be_written() -> None:
    graph = Graph("t")
    graph.add_input("x", TensorType(DType.F32, (symbol("S", 1, 5),)))
    graph.add_input("y", TensorType(DType.F32, (symbol("S", 1, 6),)))
    with pytest.raises(ValueError, match="two symbols"):
        print_graph(graph)


def test_nan_that_carries_data_keeps_it() -> None:
    array = np.frombuffer(struct.pack("<I", 0x7FC12345), np.float32)
    graph = Graph("t")
    graph.add_source("c", Literal(TensorType(DType.F32, (1,)), array), Kind.CONSTANT)
    back = parse_graph(print_graph(graph))
    assert equal(graph, back)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%x = input : f33[1]", "2:14: there is no element type f33"),
        ("%x = input : f32[S]", "unknown symbol 'S'"),
        ("%x = input : f32[1", "expected ']'"),
        ("%x = neg(%y) : f32[1]", "2:10: %y is not defined above"),
        ("%x = input : f32[1]\n%x = input : f32[1]", "3:4: %x is defined twice"),
        ("%x = input : f32[1]\n%y = neg(%x) : f32[2]", "3:6: neg gives f32[1], not f32[2]"),
        ("%x = input : f32[1]\n%y = frobnicate(%x) : f32[2]", "no op 'frobnicate'"),
        ("%x = input : f32[1]\n%y = softmax(%x) {axes = 1} : f32[1]", "no attribute 'axes'"),
        ("%x = input : f32[1]\n%y = softmax(%x) {axis = } : f32[1]", "not a dimension"),
        ("%x = input : f32[1]\n%a, %b = neg(%x) : f32[1]", "2 results and 1 types"),
        ("%a, %b = input : f32[1]", "defines one value"),
        ("%x = constant [1.0] : f32[2]", "1 elements are no f32"),
        ("%x = constant [1.5] : i64[1]", "not elements of i64"),
        ("%x = constant [1.0] : bool[1]", "not elements of bool"),
        ("%x = constant [300] : i8[1]", "not elements of i8"),
        ('%x = constant bytes "AA" : f32[1]', "not the bytes of an array"),
        ('%x = constant bytes "AAAA" : f32[1]', "not the bytes of an array"),
        ("symbol S >= 1\nsymbol S >= 2", "declared twice"),
        ("output %x as y", "not defined"),
        ("nonsense", "expected a definition"),
        ("%x = constant : f32[1]", "expected a number"),
        ('metadata "a" = "\\q"', "not a string"),
    ],
)
def test_mistakes_are_told_with_their_places(line: str, message: str) -> None:
    with pytest.raises(GraphTextError) as caught:
        parse_graph(f"graph @t {{\n{line}\n}}\n")
    assert message in str(caught.value)


def test_text_behind_the_graph_is_refused() -> None:
    with pytest.raises(GraphTextError, match="expected the end"):
        parse_graph("graph @t {}\nmore")


# ---- any graph reads back -----------------------------------------------------------------

NAMES = st.text(max_size=8) | st.sampled_from(["x", "y.z", "encoder[0]/kernel", "constant", "_"])
DTYPES = st.sampled_from(list(DType))
FLOATS = st.floats(allow_nan=True, allow_infinity=True)


@st.composite
def literals(draw: st.DrawFn) -> Literal:
    dtype = draw(DTYPES)
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=5))
    array = draw(hnp.arrays(dtype.numpy, shape))
    return Literal(TensorType(dtype, shape), array)


@st.composite
def sources(draw: st.DrawFn, depth: int = 2) -> ParameterSource:
    shape = tuple(draw(st.lists(st.integers(0, 5), max_size=3)))
    type = TensorType(DType.F32, shape)
    choice = draw(st.integers(0, 3 if depth else 2))
    if choice == 0:
        return draw(literals())
    if choice == 1:
        argument = st.tuples(NAMES.filter(lambda name: name not in ("seed", "path")), st.floats())
        arguments = draw(st.lists(argument.filter(lambda each: each[1] == each[1]), max_size=2))
        return Seeded(type, draw(NAMES), tuple(arguments), draw(st.integers()), draw(NAMES))
    if choice == 2:
        return Stored(type, draw(NAMES), draw(NAMES))
    operands = draw(st.lists(st.none() | sources(depth - 1), max_size=3))
    attributes = draw(st.dictionaries(NAMES, attributes_of(()), max_size=2))
    return Computed(type, draw(NAMES), attributes, tuple(operands), draw(st.integers(0, 3)))


def attributes_of(dims: tuple[Dim, ...]) -> st.SearchStrategy[Any]:
    simple = st.none() | st.integers() | st.booleans() | st.text(max_size=5) | DTYPES
    finite = FLOATS.filter(lambda number: not math.isnan(number))
    leaves = simple | finite | (st.sampled_from(dims) if dims else st.nothing())
    return st.recursive(leaves, lambda each: st.lists(each, max_size=3).map(tuple), max_leaves=5)


SPANS = st.builds(Span, NAMES, *[st.integers(1, 99)] * 4)


@st.composite
def graphs(draw: st.DrawFn, depth: int = 1) -> Graph:
    batch = symbol("B", origin=draw(st.text(max_size=5)))
    length = symbol("S", draw(st.integers(0, 3)), draw(st.none() | st.integers(3, 99)), "o")
    if depth == 0:
        batch, length = 3, 4
    dims: tuple[Dim, ...] = (batch, length, batch * length + 2, length // 3, -length, 7)
    graph = Graph(draw(NAMES))
    graph.metadata = draw(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2))
    type = TensorType(DType.F32, (batch, length))
    values = [graph.add_input(draw(NAMES), type)]
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from([Kind.CONSTANT, Kind.PARAMETER, Kind.STATE]))
        graph.add_source(draw(NAMES), draw(sources()), kind)
    for _ in range(draw(st.integers(0, 5))):
        places = {"scope": draw(NAMES), "spans": tuple(draw(st.lists(SPANS, max_size=2)))}
        a, b = draw(st.sampled_from(values)), draw(st.sampled_from(values))
        names = [draw(NAMES)]
        match draw(st.integers(0, 3)):
            case 0:
                node = graph.add("add", [a, a], names=names, **places)
            case 1:
                node = graph.add("leaky_relu", [b], {"slope": draw(FLOATS)}, names=names, **places)
            case 2:
                node = graph.add("softmax", [a], {"axis": draw(st.integers(-2, 1))}, **places)
            case _:
                attributes = draw(st.dictionaries(NAMES, attributes_of(dims), max_size=3))
                types = draw(st.lists(st.sampled_from(values), max_size=2))
                regions = (draw(graphs(depth=0)),) if depth and draw(st.booleans()) else ()
                node = graph.add(
                    "x." + draw(NAMES),
                    [a, None, b, None],
                    attributes,
                    types=tuple(value.type for value in types),
                    regions=regions,
                    **places,
                )
        values += node.results
    for value in draw(st.lists(st.sampled_from(values), max_size=3)):
        graph.outputs[draw(st.text(max_size=5))] = value
    return graph


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(graphs())
def test_any_graph_reads_back(graph: Graph) -> None:
    text = print_graph(graph, locations=True)
    back = parse_graph(text)
    assert print_graph(back, locations=True) == text
    assert difference(graph, back) is None


@settings(max_examples=200, deadline=None)
@given(literals())
def test_any_literal_reads_back_bit_by_bit(source: Literal) -> None:
    graph = Graph("t")
    graph.add_source("c", source, Kind.CONSTANT)
    assert equal(graph, parse_graph(print_graph(graph)))


# ---- what equality sees -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("graph @Name", "graph @Other"),
        ('"key"', '"keys"'),
        ("<= 128", "<= 127"),
        ("seed=3", "seed=4"),
        ("[0.1,", "[0.2,"),
        ("-0.0", "0.0"),
        ("%steps = state", "%steps = constant"),
        ("1e-05", "1e-06"),
        ("encoder[0]/x", "encoder[1]/x"),
        ("5:5-5:60", "5:5-5:61"),
        ("_, %constant", "%constant"),
        ("%gather", "%gathered"),
        ('%split_1 as "output"', '%split as "output"'),
        ('as "output"', 'as "result"'),
        ("(B*S, 4)} : f32[B*S, 4]", "(S*B, 2, 2)} : f32[B*S, 2, 2]"),
        ("%steps = state 7 : i64[]\n", ""),
    ],
)
def test_every_difference_is_seen(old: str, new: str) -> None:
    changed = SAMPLE.replace(old, new)
    if "2, 2" in new:
        changed = changed.split("  %layer_norm")[0] + '  output %reshape as "output"\n}\n'
    assert changed != SAMPLE
    assert difference(parse_graph(SAMPLE), parse_graph(changed)) is not None
    assert equal(parse_graph(changed), parse_graph(changed))
