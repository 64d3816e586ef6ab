"""The content of weights: drawn bit by bit the same everywhere, computed, streamed."""

from __future__ import annotations

import hashlib
import math
import statistics
import time

import numpy as np
import pytest
from neuralc.ir.dtype import DType
from neuralc.ir.evaluate import BLOCK, evaluate, evaluate_blocks
from neuralc.ir.initializers import INITIALIZERS, fans
from neuralc.ir.parameter import Computed, Literal, Seeded
from neuralc.ir.random_bits import RandomBits, normal_quantile
from neuralc.ir.rounding import rounded
from neuralc.ir.type import TensorType


def seeded(name: str, *shape: int, dtype: DType = DType.F32, **arguments: float) -> Seeded:
    return Seeded(TensorType(dtype, shape), name, tuple(arguments.items()), 42, "dense/kernel")


def literal(content: object, dtype: DType = DType.F32) -> Literal:
    array = np.asarray(content, dtype.numpy)
    return Literal(TensorType(dtype, array.shape), array)


# Made once; a change here changes every model that was ever compiled from a seed.
GOLDEN = {
    "zeros": "a8eac8b0d3b1fde3",
    "ones": "6fdb65fd837a7e5b",
    "constant": "a8eac8b0d3b1fde3",
    "random_uniform": "d75450c397a39933",
    "random_normal": "b5b6d1d44f0ea72d",
    "truncated_normal": "fd2f31d89e91b159",
    "glorot_uniform": "f2b31ce73fe65e79",
    "glorot_normal": "12a669b01248b24c",
    "he_uniform": "e5df14e4d8963d37",
    "he_normal": "98bb77ed35c383a6",
    "lecun_uniform": "9499a24816a1b4bd",
    "lecun_normal": "25f9e5da7d3e7701",
    "orthogonal": "2bc0d9cf7ea527e8",
    "identity": "c47fdaaf7440674c",
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bits_never_change(name: str) -> None:
    content = evaluate(seeded(name, 24, 40)).astype("<f4").tobytes()
    assert hashlib.sha256(content).hexdigest()[:16] == GOLDEN[name]


def test_every_initializer_has_golden_bits() -> None:
    assert {*GOLDEN, "unit_forget"} == set(INITIALIZERS)


def test_biases_of_forget_gates_are_ones() -> None:
    assert evaluate(seeded("unit_forget", 8)).tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


def test_the_raw_bits_are_philox_keyed_by_seed_and_path() -> None:
    key = int.from_bytes(hashlib.sha256(b"3/a/b").digest()[:16], "little")
    word = int(np.random.Philox(key=key).random_raw(1)[0]) & 0xFFFFFFFF
    signed = word - (1 << 32) if word >= 1 << 31 else word
    assert RandomBits(3, "a/b").centred(1)[0] == (signed + 0.5) / 2**32


@pytest.mark.parametrize(
    ("name", "arguments", "mean", "stddev", "bound"),
    [
        ("random_uniform", {}, 0.0, 0.1 / math.sqrt(12), 0.05),
        ("random_uniform", {"minval": 1.0, "maxval": 3.0}, 2.0, 2 / math.sqrt(12), 3.0),
        ("random_normal", {"mean": 1.0, "stddev": 0.5}, 1.0, 0.5, 4.0),
        ("truncated_normal", {"stddev": 0.02}, 0.0, 0.02 * 0.87962566, 0.04),
        ("glorot_uniform", {}, 0.0, math.sqrt(2 / 700), math.sqrt(6 / 700)),
        ("glorot_normal", {}, 0.0, math.sqrt(2 / 700), 2 * math.sqrt(2 / 700) / 0.87962566),
        ("he_uniform", {}, 0.0, math.sqrt(2 / 300), math.sqrt(6 / 300)),
        ("he_normal", {}, 0.0, math.sqrt(2 / 300), 2 * math.sqrt(2 / 300) / 0.87962566),
        ("lecun_uniform", {}, 0.0, math.sqrt(1 / 300), math.sqrt(3 / 300)),
        ("lecun_normal", {}, 0.0, math.sqrt(1 / 300), 2 * math.sqrt(1 / 300) / 0.87962566),
    ],
)
def test_distributions_are_keras_own(
    name: str, arguments: dict[str, float], mean: float, stddev: float, bound: float
) -> None:
    content = evaluate(seeded(name, 300, 400, **arguments)).astype(np.float64)
    assert content.mean() == pytest.approx(mean, abs=0.01 * stddev)
    assert content.std() == pytest.approx(stddev, rel=0.01)
    assert np.abs(content).max() <= bound * (1 + 1e-6)
    if name != "random_normal":
        assert np.abs(content).max() > 0.98 * bound


def test_fans_are_counted_as_keras_does() -> None:
    assert fans(()) == (1, 1)
    assert fans((5,)) == (5, 5)
    assert fans((5, 7)) == (5, 7)
    assert fans((3, 4, 5, 7)) == (60, 84)


def test_simple_initializers() -> None:
    assert evaluate(seeded("zeros", 2)).tolist() == [0, 0]
    assert evaluate(seeded("ones", 2)).tolist() == [1, 1]
    assert evaluate(seeded("constant", 2, value=2.5)).tolist() == [2.5, 2.5]
    assert evaluate(seeded("identity", 2, 3, gain=3.0)).tolist() == [[3, 0, 0], [0, 3, 0]]


@pytest.mark.parametrize("shape", [(20, 20), (30, 20), (20, 30), (3, 5, 20)])
def test_orthogonal_matrices_are(shape: tuple[int, ...]) -> None:
    content = evaluate(seeded("orthogonal", *shape, dtype=DType.F64)).reshape(-1, shape[-1])
    small = content.T @ content if content.shape[0] >= content.shape[1] else content @ content.T
    np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-12)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (seeded("magic", 2), "no initializer 'magic'"),
        (seeded("ones", 2, value=1.0), "no argument 'value'"),
        (seeded("orthogonal", 2), "makes matrices"),
        (seeded("identity", 2, 2, 2), "makes matrices"),
        (seeded("unit_forget", 4, 2), "makes matrices"),
    ],
)
def test_unknown_initializers_are_errors(source: Seeded, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(source)


def test_paths_and_seeds_draw_different_numbers() -> None:
    type = TensorType(DType.F32, (8,))
    drawn = [
        evaluate(Seeded(type, "random_normal", (), seed, path)).tobytes()
        for seed, path in [(0, "a"), (0, "b"), (1, "a")]
    ]
    assert len(set(drawn)) == 3


def test_the_normal_quantile_is_the_standard_librarys() -> None:
    centred = RandomBits(0, "q").centred(2000)
    expected = [statistics.NormalDist().inv_cdf(each + 0.5) for each in centred.tolist()]
    np.testing.assert_allclose(normal_quantile(centred), expected, rtol=1e-9)
    extreme = np.array([0.5 - 2.0**-33, 2.0**-33 - 0.5])
    np.testing.assert_allclose(normal_quantile(extreme), [6.3379577545, -6.3379577545], rtol=1e-9)


def test_blocks_are_the_whole_in_order() -> None:
    source = seeded("glorot_uniform", BLOCK // 64 + 1, 101)
    blocks = list(evaluate_blocks(source))
    assert len(blocks) == 2
    assert all(block.dtype == np.float32 and block.size <= BLOCK for block in blocks)
    assert np.array_equal(np.concatenate(blocks), evaluate(source).reshape(-1))


def test_a_longer_tensor_begins_as_a_shorter_one() -> None:
    short, long = evaluate(seeded("random_normal", 999)), evaluate(seeded("random_normal", 70000))
    assert np.array_equal(short, long[:999])


# ---- expressions --------------------------------------------------------------------------


def computed(op: str, *operands: Literal | Seeded | Computed, dtype: DType = DType.F32,
             shape: tuple[int, ...], index: int = 0, **attributes: object) -> Computed:  # fmt: skip
    return Computed(TensorType(dtype, shape), op, attributes, operands, index)  # type: ignore[arg-type]


A, B = seeded("glorot_uniform", 4, 3), seeded("random_normal", 4, 2)


def test_packing_and_transposing_move_the_very_bits() -> None:
    packed = computed("concat", A, B, shape=(4, 5), axis=1)
    content = evaluate(packed)
    assert np.array_equal(content[:, :3], evaluate(A))
    assert np.array_equal(content[:, 3:], evaluate(B))
    turned = computed("transpose", packed, shape=(5, 4), permutation=(1, 0))
    assert np.array_equal(evaluate(turned), content.T)
    piece = computed("split", packed, shape=(4, 2), index=1, axis=1, sizes=(3, 2))
    assert np.array_equal(evaluate(piece), evaluate(B))
    assert np.array_equal(np.concatenate(list(evaluate_blocks(turned))), content.T.reshape(-1))


@pytest.mark.parametrize("value", [0.0, 1.0, 0.3])
@pytest.mark.parametrize("dtype", [DType.F32, DType.F16, DType.BF16])
def test_padding_keeps_the_bits_and_rounds_what_it_fills_with(dtype: DType, value: float) -> None:
    inner = seeded("random_uniform", 5, 7, dtype=dtype)
    type = TensorType(dtype, (6, 9))
    padded = Computed(type, "pad", {"pads": ((0, 1), (2, 0)), "value": value}, (inner,))
    found = evaluate(padded)
    np.testing.assert_array_equal(found[:5, 2:], evaluate(inner))
    filled = rounded(np.asarray(value), dtype)
    assert found.dtype == dtype.numpy
    assert (found[5] == filled).all()
    assert (found[:, :2] == filled).all()


@pytest.mark.parametrize("axis", [0, -2, 1])
def test_stacked_weights_are_given_one_after_the_other(axis: int) -> None:
    rows = BLOCK // 8 + 3
    parts = [seeded("glorot_uniform", rows, 8), literal(np.ones((rows, 8)))]
    shape = (2 * rows, 8) if axis in (0, -2) else (rows, 16)
    stacked = Computed(TensorType(DType.F32, shape), "concat", {"axis": axis}, tuple(parts))
    whole = np.concatenate([evaluate(part) for part in parts], axis)
    np.testing.assert_array_equal(evaluate(stacked), whole)
    blocks = list(evaluate_blocks(stacked))
    assert all(block.size <= BLOCK for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks), whole.reshape(-1))


def test_a_scaled_weight_is_rounded_once() -> None:
    a, b = np.float32(1.0000001), np.float32(3.0000002)
    product = computed("mul", literal([a]), literal(b), shape=(1,))
    sum = computed("sub", product, literal([3.0]), shape=(1,))
    exact = float(a) * float(b) - 3.0
    assert evaluate(sum)[0] == np.float32(exact)
    assert evaluate(sum)[0] != a * b - np.float32(3.0)


def test_elementwise_expressions_are_computed_in_blocks() -> None:
    import tracemalloc

    drawn = seeded("glorot_uniform", 5 * BLOCK // 1024, 1024)
    scaled = computed("mul", literal(0.3), drawn, shape=drawn.type.shape)
    half = computed("cast", scaled, shape=drawn.type.shape, dtype=DType.F16, to=DType.F16)
    expected = (evaluate(drawn).astype(np.float64) * float(np.float32(0.3))).astype(np.float16)
    assert np.array_equal(evaluate(half), expected)
    tracemalloc.start()
    sizes = [block.size for block in evaluate_blocks(half)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sizes == [BLOCK] * 5
    assert peak < 32 * BLOCK


def test_an_expression_of_scalars_fills_no_shape_but_its_own() -> None:
    sum = computed("add", literal(1.5), literal(2.0), shape=())
    assert evaluate(sum).shape == ()
    assert evaluate(sum) == 3.5
    row = computed("mul", literal([[1.0, 2.0]]), literal([[3.0], [4.0]]), shape=(2, 2))
    assert evaluate(row).tolist() == [[3, 6], [4, 8]]


def test_integers_stay_exact() -> None:
    big = literal([2**53 + 1], DType.I64)
    sum = computed("add", big, literal([1], DType.I64), shape=(1,), dtype=DType.I64)
    assert evaluate(sum).tolist() == [2**53 + 2]


def test_a_fused_op_can_be_folded() -> None:
    found = evaluate(computed("silu", literal([1.0]), shape=(1,)))
    assert found[0] == np.float32(1 / (1 + math.exp(-1)))


# ---- rounding -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1.0, 1.0),
        (1 + 2.0**-8, 1.0),
        (1 + 3 * 2.0**-8, 1 + 2.0**-6),
        # A tie for bf16 plus what float32 cannot hold: rounding twice would go down.
        (1 + 2.0**-8 + 2.0**-40, 1 + 2.0**-7),
        (-1 - 2.0**-8 - 2.0**-40, -1 - 2.0**-7),
        (3.3e38, 2.0**120 * 248),
        (3.3895313892515355e38, 2.0**120 * 255),
        (3.4e38, math.inf),
        (1e300, math.inf),
        (2.0**-133 * 1.5, 2.0**-132),
        (2.0**-133 * 0.5, 0.0),
        (2.0**-126, 2.0**-126),
    ],
)
def test_bfloat16_is_rounded_once_to_even(number: float, expected: float) -> None:
    assert rounded(np.array([number]), DType.BF16)[0] == np.float32(expected)


def test_bfloat16_keeps_what_is_no_number() -> None:
    found = rounded(np.array([math.nan, math.inf, -math.inf, -0.0]), DType.BF16)
    assert np.isnan(found[0])
    assert found[1:].tolist() == [math.inf, -math.inf, 0.0]
    assert np.signbit(found[3])


def test_drawing_is_fast() -> None:
    """110 million parameters take 1.2 s on the developer's machine; ten times that is a fault."""
    start = time.process_time()
    for _ in evaluate_blocks(seeded("glorot_uniform", 4096, 2048)):
        pass
    assert (time.process_time() - start) * 110e6 / (4096 * 2048) < 12
