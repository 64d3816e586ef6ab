"""Wrong programs. «…» marks the characters that the message must underline."""

from __future__ import annotations

import pytest
from neuralc.compiler.building.builder import build
from neuralc.compiler.checking.checker import CheckOptions, check
from neuralc.compiler.syntax.parser import parse
from neuralc.compiler.syntax.source import Source
from neuralc.ir.codes import CODES
from neuralc.ir.diagnostic import Diagnostic, Severity
from neuralc.ir.span import Span


def read(marked: str) -> tuple[Source, list[Span]]:
    """The source without its marks, and the spans that were marked, in order."""
    text, spans = "", []
    line, column = 1, 1
    start = (0, 0)
    for letter in marked:
        if letter == "«":
            start = (line, column)
        elif letter == "»":
            spans.append(Span("test.neural", *start, line, column))
        else:
            text += letter
            line, column = (line + 1, 1) if letter == "\n" else (line, column + 1)
    return Source("test.neural", text), spans


def diagnose(marked: str, options: CheckOptions | None = None) -> tuple[list[Diagnostic], Span]:
    source, spans = read(marked)
    return list(check(parse(source), options).diagnostics), spans[0]


def network(layers: str, input: str = "(16, 32)", more: str = "") -> str:
    return f"network N {{\n  input: {input}\n  layers:\n    {layers}\n  {more}\n}}"


MASKED = "Embedding(9, 4, mask_zero=true)"
SMALL = 'Conv1DTranspose(4, 2, padding="same", output_padding=«0»)'

ERRORS = [
    # names and arguments
    ("E0201", network("«Dence»(10)"), "did you mean `Dense`?"),
    ("E0201", network("«Quux»(10)"), "`neural layers`"),
    ("E0202", network("«ConvLSTM2D»(3)"), None),
    ("E0214", network("«Bidirectional»()"), "LSTM(64)"),
    ("E0310", network("GroupNormalization(groups=«5»)"), "groups=4"),
    ("E0206", network("Cropping1D(«(1, 2, 3)»)"), "(1, 2)"),
    ("E0206", network("ZeroPadding1D(«-1»)"), "padding=1"),
    ("E0304", network("Cropping1D(«(8, 8)»)"), None),
    ("E0212", network("UpSampling2D(interpolation=«bicubic»)", "(8, 8, 3)"), "nearest"),
    ("E0214", network("«TimeDistributed»()"), "Dense(64)"),
    ("E0241", network("Bidirectional(«Dense(3)»)"), "GRU"),
    ("E0201", network("Bidirectional(«LSTMM»(3))"), "LSTM"),
    ("E0208", network("Bidirectional(GRU(3), merge_mode=«min»)"), "concat"),
    ("E0301", network("Flatten() «TimeDistributed»(Dense(3))"), "alone"),
    ("E0205", network("TimeDistributed(«Dense»())"), None),
    ("E0240", network('LSTM(3, activation=«"gelu"»)'), "softsign"),
    ("E0212", network("GRU(3, stateful=«true»)"), "zeros"),
    ("E0231", network("«add»()"), "ResidualConnection"),
    ("E0231", network("a: { Dense(3) } b: { Dense(3) } Add() «Add»()"), "side by side"),
    ("E0232", network("a: { Dense(3) } b: { Dense(3) } «Dense»(4)"), "Concatenate"),
    ("E0232", network("a: { Dense(3) } b: { Dense(3) } «Parallel» { Dense(4) }"), "Concatenate"),
    ("E0233", network("ResidualConnection { «a»: { Dense(32) } b: { Dense(32) } }"), "Concat"),
    ("E0219", network("a: { Dense(3) } «a»: { Dense(3) } Add()"), None),
    ("E0234", network("a: { Dense(3) } b: { Dense(4) } «Add»()"), "Dense(3)"),
    ("E0234", network("a: { Dense(3) } b: { Flatten() } «Concatenate»()"), "same sizes"),
    ("E0234", network("a: {} b: { Dense(4) } «Dot»(2)"), "width"),
    ("E0236", network("a: {} b: { Dense(4) } Concatenate(«0»)"), "1 to 2"),
    ("E0236", network("a: {} b: { Dense(4) } Dot(«3»)"), None),
    ("E0237", network("a: {} b: {} c: {} «Subtract»()"), None),
    ("E0237", network("a: {} «Add»()"), None),
    ("E0204", network("Dense(10, «activatoin»=relu)"), "did you mean `activation`?"),
    ("E0204", network("Dropout(0.5, «kernel_initializer»=zeros)"), None),
    ("E0205", network("«Dense»()"), "units=64"),
    ("E0205", network("«Conv2D»(8)", "(8, 8, 3)"), "kernel_size"),
    ("E0206", network('Dense(«"64"»)'), "without quotes: 64"),
    ("E0206", network("Dense(«2.5»)"), None),
    ("E0206", network("Dense(«true»)"), None),
    ("E0206", network("Dense(8, use_bias=«1»)"), None),
    ("E0206", network("Conv2D(8, «(3, 3, 3)»)", "(8, 8, 3)"), None),
    ("E0207", network("Dense(«0»)"), None),
    ("E0207", network("Dense(«-5»)"), None),
    ("E0207", network("Dropout(«1.0»)"), None),
    ("E0207", network("Dropout(«-0.1»)"), None),
    ("E0207", network("Conv2D(8, (3, «0»))", "(8, 8, 3)"), None),
    ("E0207", network("Reshape((4, «0»))"), None),
    ("E0207", network("Reshape((«-1», -1))"), None),
    ("E0207", network("Permute(«(1, 3)»)"), None),
    ("E0207", network("Dense(«9999999999999»)"), None),
    ("E0207", network('Dense(8, name=«"a/b"»)'), None),
    ("E0208", network('Dense(8, activation=«"rleu"»)'), "did you mean `relu`?"),
    ("E0208", network("Conv2D(8, 3, padding=«full»)", "(8, 8, 3)"), '"valid", "same"'),
    ("E0208", network("Dense(8, kernel_initializer=«glorot_uniforn»)"), "glorot_uniform"),
    ("E0208", network("Dense(8, kernel_initializer=RandomNormal(sdev=«0.1»))"), "stddev"),
    ("E0209", network("Dense(8, «units=9»)"), None),
    ("E0210", network("Dense(8, relu, true, «7»)"), "units, activation, use_bias"),
    ("E0211", network("Dense(units=8, «relu»)"), None),
    ("E0212", network('TransformerEncoder(4, attention=«"local"»)'), None),
    ("E0212", network('TransformerEncoder(4, position=«"rotary"»)'), None),
    ("E0212", network(f"{MASKED} «LayerNormalization»(axis=1)", "(9,)"), "last axis"),
    ("E0212", network(f"{MASKED} «RMSNormalization»(axis=[1, 2])", "(9,)"), "last axis"),
    ("E0212", network(f"{MASKED} «UnitNormalization»(axis=-2)", "(9,)"), "last axis"),
    ("E0212", network(f"{MASKED} «Softmax»(axis=1)", "(9,)"), "last axis"),
    ("E0212", network(f"{MASKED} «GroupNormalization»(2)", "(9,)"), "last axis"),
    ("E0301", network("LayerNormalization(axis=«(1, 3)»)"), "axis 0 is the batch"),
    ("E0301", network("GroupNormalization(2, axis=«0»)"), "axis 0 is the batch"),
    ("E0301", network("Softmax(«-3»)"), "axis 0 is the batch"),
    ("E0306", network("«LayerNormalization»(axis=1)", "(n, 3)"), None),
    ("E0310", network("GroupNormalization(groups=«3», axis=1)"), "groups=2"),
    ("E0310", network("Conv1DTranspose(8, 3, groups=«3»)"), None),
    ("E0310", network("Conv1DTranspose(6, 3, groups=«3»)"), None),
    ("E0317", network("Conv1DTranspose(8, 3, 2, output_padding=«2»)"), "leave it out"),
    ("E0318", network(SMALL, "(1, 3)"), "valid"),
    ("E0206", network("Lambda(«3»)"), None),
    ("E0319", network('Lambda("x «^» 2")'), "`**`"),
    ("E0319", network('Lambda("x + «y»")'), "abs, exp"),
    ("E0319", network('Lambda("«np.sqrt»(x)")'), "`sqrt(…)`"),
    ("E0319", network('Lambda("«sqr»(x)")'), "did you mean `sqrt`?"),
    ("E0319", network('Lambda("2 * (x + 1«"»)'), None),
    ("E0319", network('Lambda("x «x»")'), None),
    ("E0319", network('Lambda("max(x«)»")'), None),
    ("E0319", network('Lambda("lambda «:» x")'), "lambda x: 2*x"),
    ("E0320", network('Lambda("«2 * 3»")'), "use `x`"),
    ("E0320", network('Lambda("x + 1 / «0»")'), None),
    ("E0320", network('Lambda("x * «1e39»")'), None),
    ("E0213", network("TransformerEncoder(heads=«7», d_model=32)"), "num_heads=4 or num_heads=8"),
    ("E0213", network("TransformerEncoder(«32», 4)"), "num_heads=4, d_model=32?"),
    ("E0213", network("TransformerEncoder(num_heads=«5»)"), "num_heads=4 or num_heads=8"),
    ("E0213", network("MultiHeadAttention(«3»)"), "num_heads=2 or num_heads=4"),
    ("E0214", network("Dense(8) «{ Dense(3) }»"), None),
    ("E0214", network("«ResidualConnection»()"), None),
    ("E0219", network("Dense(8, name=a)\n    Dense(8, name=«a»)"), None),
    ("E0220", network("Dense(«HPO(choice(16, 32))»)"), None),
    ("E0220", network("Dense(8) * «HPO(choice(1, 2))»"), None),
    ("E0218", network("Dense(8) * «0»"), None),
    ("E0218", network("Dense(8) * «1000000000»"), None),
    ("E0218", network('Dense(8) * «"3"»'), None),
    ("E0222", network("Dense(8 / «0»)"), None),
    ("E0222", network('Dense(8 + «"3"»)'), None),
    ("E0221", network("MultiHeadAttention(4, mode=«cross»)"), None),
    ("E0221", network("TransformerDecoder(4, cross_attention=«true»)"), None),
    ("E0226", network(
        'TransformerEncoder(4, use_attention_mask=true)\n'
        '    TransformerEncoder(4, use_attention_mask=«"pairwise"»)'), "mask_zero"),
    ("E0227", network('Dense(8) @ «"tpu"»'), "cpu"),
    # macros
    ("E0216", "define A() { B() }\ndefine B() { «A»() }\n" + network("A()"), None),
    ("E0217", "define A(n) { Dense(«$m») }\n" + network("A(3)"), "`$n`"),
    ("E0205", "define A(n) { Dense($n) }\n" + network("«A»()"), None),
    ("E0204", "define A(n) { Dense($n) }\n" + network("A(«k»=3)"), None),
    ("E0210", "define A(n) { Dense($n) }\n" + network("A(3, «4»)"), None),
    ("E0206", "define A(n) { Dense(«$n / 2») }\n" + network("A(3)"), None),
    ("E0228", "define A() { Dense(1) }\ndefine «A»() { Dense(2) }\n" + network("A()"), None),
    ("E0228", network("Dense(1)") + "\n" + network("Dense(1)").replace(" N ", " «N» "), None),
    # sections
    ("E0229", network("Dense(1)", more="optimizer: «3»"), None),
    ("E0229", network("Dense(1)", more='optimizer: «"Adam(learning_rate="»'), None),
    ("E0229", network("Dense(1)", more="loss: «[1, 2]»"), None),
    ("E0227", network("Dense(1)", more='train { device: «"abacus"» }'), None),
    # networks
    ("E0224", "network «N» {\n  layers: Dense(3)\n}", "input"),
    ("E0224", "network «N» {\n  input: (3)\n}", "layers"),
    # shapes
    ("E0301", network("«TransformerEncoder»(4)", "(32,)"), "length is missing"),
    ("E0301", network("«Conv2D»(8, 3)", "(28, 28)"), "channels"),
    ("E0301", network("«GlobalAveragePooling1D»()", "(8, 8, 3)"), "Reshape"),
    ("E0301", network("LayerNormalization(axis=«5»)"), None),
    ("E0301", network("Permute(«(1, 2, 3)»)"), None),
    ("E0302", network("TransformerEncoder(num_heads=8, d_model=«64»)"), "d_model=32"),
    ("E0302", network("Dense(48)\n    TransformerDecoder(8, d_model=«64»)"), "d_model=48"),
    ("E0303", network("Embedding(100, 8)", "«(16, 32)»"), "(16,)"),
    ("E0303", network("Dense(8)\n    «Embedding»(100, 8)"), "first layer"),
    ("E0304", network("Conv2D(8, kernel_size=«9»)", "(8, 8, 3)"), "same"),
    ("E0304", network("MaxPooling2D(«(9, 2)»)", "(8, 8, 3)"), None),
    ("E0306", network("«Dense»(8)", "(16, n)"), None),
    ("E0307", network("Dense(8)\n    «Flatten»()", "(n, 4)"), "fixed sizes"),
    ("E0307", network("«Reshape»((4, 4))", "(n, 4)"), None),
    ("E0307", network("Conv2D(8, 3, strides=2, padding=«same»)", "(n, 8, 3)"), None),
    ("E0308", network('PositionalEncoding(«8», "learned")'), "max_len=16"),
    ("E0308", network('«PositionalEncoding»(encoding_type="learned")', "(n, 4)"), "--max"),
    ("E0309", network("ResidualConnection { «Dense»(8) }"), None),
    ("E0309", network("TransformerEncoder(4) { «Dense»(8) }"), None),
    ("E0310", network("Conv2D(8, 3, groups=«3»)", "(8, 8, 3)"), None),
    ("E0310", network("Conv2D(8, 3, groups=«2»)", "(8, 8, 3)"), None),
    ("E0311", network("Reshape(«(5, 100)»)"), None),
    ("E0311", network("Reshape(«(5, -1)»)"), None),
    ("E0312", network("Dense(8)", "(«0», 3)"), None),
    ("E0312", network("Dense(8)", "(«-3», 3)"), None),
    ("E0312", network("Dense(8)", "(«9999999999999», 3)"), None),
    ("E0312", network("Dense(8)", "(«None»)"), None),
    ("E0313", network("«Dense»(1000000000)", "(16, 4000)"), None),
    ("E0314", network("«TransformerEncoder(4) * 10000»"), None),
    ("E0316", network("SelectPosition(«16»)"), "0 to 15"),
    ("E0316", network("SelectPosition(index=«-17»)"), "-16 to -1"),
    ("E0215", network(
        "TransformerEncoder(4)\n    TransformerDecoder(4)\n"
        "    MultiHeadAttention(4, mode=cross, causal=«true»)"), None),
    ("E0230", network("Embedding(9, 4)", "{ a: (4) «b»: (5) }"), None),
    ("E0230", network("Embedding(9, 4)\n    «Embedding»(9, 4)", "{ a: (4) b: (5) }"), None),
]  # fmt: skip


@pytest.mark.parametrize(("code", "marked", "help"), ERRORS)
def test_one_error_at_its_place(code: str, marked: str, help: str | None) -> None:
    diagnostics, span = diagnose(marked)
    errors = [d for d in diagnostics if d.severity is Severity.ERROR]
    assert [(d.code, d.span) for d in errors] == [(code, span)], errors
    if help is not None:
        assert help in (errors[0].help or "")
    assert code in CODES


WARNINGS = [
    ("W0201", network("Embedding(100, 32)", "«(16, 32)»")),
    ("W0202", "define «Dense»(n) { Dense($n) Dropout(0.1) }\n" + network("Dense(3)")),
    ("W0203", network("Dense(1)", more="train { «epoch»: 3 }")),
    ("W0203", network("Dense(1)", more="optimizer: Adam(«learning_rat»=0.1)")),
    ("W0203", network("Dense(1)", more="execution { «sped»: 3 }")),
    ("W0203", network("Dense(1)", more="hpo { «trails»: 3 }")),
    ("W0204", network("Dense(4, relu)", more="loss: «categorical_crossentropy»")),
    ("W0204", network("Dense(1, softmax)", more="loss: «sparse_categorical_cross_entropy»")),
    ("W0204", network("Dense(2, softmax)", more="loss: «binary_crossentropy»")),
    ("W0204", network("Dense(2, softmax)", more='loss: «"mse"»')),
    ("W0204", network(
        "Dense(2, softmax)", more="loss: «CategoricalCrossentropy(from_logits=true)»")),
    ("W0205", network("Dense(1)", more='optimizer: «"Adam(learning_rate=1e-4)"»')),
    ("W0206", network("Dense(1)", more='loss: «"mean_squared_eror"»')),
    ("W0206", network("Dense(1)", more='optimizer: «Adum»')),
    ("W0206", network("Dense(1)", more='optimizer: Adam(«CosinDecay»(0.1, 3))')),
    ("W0207", network("Embedding(512, «30000»)", "(16)")),
    ("W0211", network("PositionalEncoding()\n    TransformerEncoder(num_heads=«16»)")),
    ("W0212", network("«TransformerEncoder»(num_heads=1)", "(1025, 32)")),
    ("W0213", network("«MultiHeadAttention»(1)")),
    ("W0301", network("Flatten()", "«(3, 32, 32)»")),
    ("W0302", network("«Dense»(8)", "(8, 8, 3)")),
    ("W0303", network("PositionalEncoding(max_len=«5»)", "(6, 8)")),
]  # fmt: skip


@pytest.mark.parametrize(("code", "marked"), WARNINGS)
def test_one_warning_at_its_place(code: str, marked: str) -> None:
    diagnostics, span = diagnose(marked)
    told = [d for d in diagnostics if d.severity in (Severity.WARNING, Severity.ERROR)]
    assert [(d.code, d.span) for d in told] == [(code, span)], told
    assert code in CODES


@pytest.mark.parametrize(("code", "marked"), [w for w in WARNINGS if w[0] in ("W0211", "W0213")])
def test_lints_can_be_turned_off(code: str, marked: str) -> None:
    diagnostics, _ = diagnose(marked, CheckOptions(lint=False))
    assert not [d for d in diagnostics if d.severity is Severity.WARNING]


def test_positions_that_suffice_or_have_no_length_are_no_warning() -> None:
    for positions in ("PositionalEncoding(max_len=6)", "PositionalEncoding()"):
        source, _ = read(network(positions, "(6, 8)"))
        assert check(parse(source)).diagnostics == ()


def test_a_known_setting_of_a_search_is_no_warning() -> None:
    source, _ = read(network("Dense(1)", more="hpo { trials: 3 }"))
    assert check(parse(source)).diagnostics == ()


def test_several_errors_in_one_run() -> None:
    source, _ = read(network(
        'Dense(«0»)\n    Dence(3)\n    Dense(8, activation="rleu")\n    Dropout(2.0)'
    ))  # fmt: skip
    codes = [d.code for d in check(parse(source)).diagnostics]
    assert codes == ["E0207", "E0201", "E0208", "E0207"]


def test_a_wrong_activation_does_not_hide_a_wrong_width() -> None:
    source, spans = read(network(
        "Dense(8, activation=«rleu»)\n    TransformerEncoder(num_heads=4, d_model=«64»)"
    ))  # fmt: skip
    found = [(d.code, d.span) for d in check(parse(source)).diagnostics if d.code[0] == "E"]
    assert found == [("E0208", spans[0]), ("E0302", spans[1])]


def test_an_error_in_a_macro_points_at_its_use() -> None:
    marked = "define A(n) { TransformerEncoder(num_heads=«$n») }\n" + network("A(5)")
    diagnostics, span = diagnose(marked)
    (error,) = [d for d in diagnostics if d.severity is Severity.ERROR]
    assert error.span == span
    assert [label.message for label in error.labels][-1] == "in this use of the macro"
    assert error.labels[-1].span == Span("test.neural", 5, 5, 5, 6)


def test_a_width_that_does_not_fit_points_at_both_sides() -> None:
    source, spans = read(network("«Dense»(48)\n    TransformerEncoder(4, d_model=«64»)"))
    (error,) = [d for d in check(parse(source)).diagnostics if d.code == "E0302"]
    assert (error.labels[0].span, error.span) == (spans[0], spans[1])
    assert error.labels[0].message == "this makes 48: `Dense` gives (16, 48)"
    assert error.labels[1].message == "… but this expects 64"


def test_an_error_within_a_repetition_is_said_once() -> None:
    diagnostics, _ = diagnose(network("TransformerEncoder(num_heads=«7», d_model=32) * 12"))
    assert [d.code for d in diagnostics if d.code[0] == "E"] == ["E0213"]


def test_nested_repetitions_stop_at_the_limit() -> None:
    text = "define A() { Dropout(0.1) * 10000 }\ndefine B() { A() * 10000 }\n"
    diagnostics = check(parse(Source("t", text + network("B() * 10000")))).diagnostics
    assert [d.code for d in diagnostics if d.code[0] == "E"] == ["E0314"]


@pytest.mark.parametrize(
    "snippet",
    [
        "TransformerEncoder(num_heads=«7», d_model=512)",
        "Dense(«0»)\nLayerNormalization()",
        "optimizer: «3»",
        "TransformerEncoder(8, d_model=512)\nTransformerEncoder(num_heads=«7», d_model=16)",
    ],
)
def test_snippets_are_checked_by_themselves(snippet: str) -> None:
    diagnostics, span = diagnose(snippet)
    assert [d.span for d in diagnostics if d.severity is Severity.ERROR] == [span]


def test_no_shape_flows_between_the_layers_of_a_snippet() -> None:
    text = "TransformerEncoder(8, 512)\nTransformerEncoder(16, 1024)\nConv2D(3, 3)"
    assert not check(parse(Source("t", text))).diagnostics


def test_a_snippet_with_an_input_is_a_network() -> None:
    source = Source("t", "Dense(8)\nTransformerEncoder(4, 16)")
    codes = [d.code for d in check(parse(source), CheckOptions(input=(5, 3))).diagnostics]
    assert "E0302" in codes


def test_options_for_axes_that_are_not_there() -> None:
    program = parse(Source("t", network("Flatten()", "(8, 8, 3)")))
    options = CheckOptions(max_sizes={"seq": 9}, dynamic=("seq",))
    assert [d.code for d in check(program, options).diagnostics] == ["W0208", "W0208"]


def test_the_last_position_of_a_result_that_has_none() -> None:
    marked = network("TransformerEncoder(4)\n    SelectPosition()\n    «Output»(3)")
    diagnostics, span = diagnose(marked, CheckOptions(logits="last", lint=False))
    (error,) = (d for d in diagnostics if d.severity is Severity.ERROR)
    assert error.code == "E0301"
    assert error.span == span
    assert "`--logits last`" in error.message
    assert "leave it out" in (error.help or "")


def test_the_last_position_leaves_the_meaning_of_the_input_alone() -> None:
    """A leading `None` is the batch for these layers, with the option as without it."""
    text = network("Dense(8)", "(None, 4)")
    for logits, codes in (("all", ["N0202"]), ("last", ["N0202", "E0301"])):
        result = check(parse(Source("t", text)), CheckOptions(logits=logits))
        assert [d.code for d in result.diagnostics] == codes


def test_an_unknown_network_is_named() -> None:
    program = parse(Source("t", network("Dense(8)")))
    (error,) = check(program, CheckOptions(network="M")).diagnostics
    assert error.code == "E0223"
    assert "N" in (error.help or "")


def test_macros_can_be_nested_too_deep() -> None:
    chain = "".join(f"define A{i}() {{ A{i + 1}() }}\n" for i in range(3000))
    program = chain + "define A3000() { Dense(1) }\n" + network("A0()")
    errors = [d for d in check(parse(Source("t", program))).diagnostics if d.code[0] == "E"]
    assert [d.code for d in errors] == ["E0102"]


def test_blocks_at_the_limit_of_nesting_are_built() -> None:
    depth = 195
    text = network("Residual { " * depth + "Dense(8)" + " }" * depth, "(8,)")
    graph = build(check(parse(Source("t", text))).the_model)
    assert sum(node.op == "add" for node in graph.nodes()) == depth + 1


SNIPPETS = [
    """TransformerEncoder(num_heads=8, d_model=512, dff=2048)
    # Each head dimension: 512 / 8 = 64
    TransformerEncoder(num_heads=16, d_model=1024, dff=4096)
    TransformerEncoder(num_heads=4, d_model=256, dff=1024)""",
    """TransformerEncoder(
      num_heads=8,
      dropout_rate=0.1  # of attention and feed-forward network
    )""",
    "MultiHeadAttention(num_heads=8, key_dim=64)\nMultiHeadAttention(num_heads=8, key_dim=96)",
    "optimizer: Adam(\n  learning_rate=ExponentialDecay(0.0001, 10000, 0.96)\n)",
    "train {\n  batch_size: 16  # less\n  gradient_accumulation_steps: 4\n}",
]


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_right_snippets_say_nothing(snippet: str) -> None:
    assert not check(parse(Source("t", snippet))).diagnostics
