"""Whatever layers and arguments are written, checking never fails, and what it accepts is built."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from neuralc.compiler.building.builder import build
from neuralc.compiler.checking.checker import CheckOptions, check
from neuralc.compiler.layers.spec import Block, LayerSpec, Parameter, Wants, layers
from neuralc.compiler.syntax.parser import parse
from neuralc.compiler.syntax.source import Source
from neuralc.ir.codes import CODES
from neuralc.ir.diagnostic import Severity
from neuralc.ir.verifier import verify

SPECS = list(layers().values())
ANY_VALUE = st.sampled_from(
    ["0", "1", "2", "3", "4", "8", "-1", "2.5", "1e3", "true", "none", "relu", '"relu"', '"same"',
     "(2, 2)", "(1, 2, 3)", "[4]", "()", "(8, -1)", "Adam(0.1)", "HPO(choice(1, 2))", "4 * 2",
     "8 / 3", "$x", '"pairwise"', '"learned"', '"cross"', "{ a: 1 }"]
)  # fmt: skip
GOOD_VALUES = {
    Wants.INTEGER: ["1", "2", "4", "8", "16"],
    Wants.NUMBER: ["0", "0.1", "0.5"],
    Wants.BOOLEAN: ["true", "false"],
    Wants.ACTIVATION: ["relu", '"gelu"', "prelu", "softmax"],
    Wants.SIZES: ["1", "2", "3"],
    Wants.INTEGERS: ["(8, 8)", "(2, 1)", "(1,)", "(-1, 4)", "(16, -1)"],
    Wants.INITIALIZER: ['"ones"', "HeNormal()"],
    Wants.TEXT: ["a", "b"],
}


@st.composite
def values(draw: st.DrawFn, parameter: Parameter) -> str:
    if draw(st.integers(0, 7)) == 0:
        return draw(ANY_VALUE)
    if parameter.wants is Wants.CHOICE:
        words = [str(c).lower() for c in (*parameter.choices, *parameter.pending)]
        return draw(st.sampled_from(words or ["none"]))
    return draw(st.sampled_from(GOOD_VALUES.get(parameter.wants, ["none"])))


@st.composite
def uses(draw: st.DrawFn, depth: int = 0) -> str:
    spec: LayerSpec = draw(st.sampled_from(SPECS))
    chosen = [
        p for p in spec.all_parameters if p.required or (not p.named_only and draw(st.booleans()))
    ]
    arguments = ", ".join(f"{p.name}={draw(values(p))}" for p in chosen)
    text = f"{spec.name}({arguments})"
    if depth < 2 and (spec.block is Block.REQUIRED or draw(st.integers(0, 15)) == 0):
        inner = draw(st.lists(uses(depth + 1), min_size=1, max_size=2))
        text += " { " + " ".join(inner) + " }"
    if draw(st.integers(0, 7)) == 0:
        text += f" * {draw(st.sampled_from(['2', '0', '3']))}"
    return text


INPUTS = st.sampled_from(
    ["(8,)", "(4, 8)", "(8, 8, 4)", "(None, 8)", "(None, 8, 8, 4)", "(n, 8)", "(4, m)", "16",
     "(None, None)", "(8, 8, 8, 4)", "{ a: (4) b: (5) }"]
)  # fmt: skip
OPTIONS = st.builds(
    CheckOptions,
    positions=st.sampled_from([None, "none", "learned"]),
    padding_mask=st.booleans(),
    mask_dtype=st.sampled_from(["int64", "bool", "float32"]),
    dynamic=st.sampled_from([(), ("seq",)]),
    max_sizes=st.sampled_from([{}, {"seq": 16}]),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(uses(), min_size=1, max_size=4), INPUTS, OPTIONS)
def test_check_never_fails_and_what_it_accepts_is_built(
    chain: list[str], input: str, options: CheckOptions
) -> None:
    text = f"network N {{ input: {input} layers: {' '.join(chain)} }}"
    result = check(parse(Source("t", text)), options)
    assert all(d.code in CODES for d in result.diagnostics)
    failed = any(d.severity is Severity.ERROR for d in result.diagnostics)
    assert failed != bool(result.models)
    for model in result.models:
        verify(build(model))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(uses(), min_size=1, max_size=4))
def test_snippets_never_fail(chain: list[str]) -> None:
    result = check(parse(Source("t", "\n".join(chain))))
    assert all(d.code in CODES for d in result.diagnostics)
