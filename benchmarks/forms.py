"""Measures what each form of each fused op costs, and writes the table that `select_forms` reads.

    python benchmarks/forms.py                    # prints the table
    python benchmarks/forms.py --write ir/targets/cpu.json
    python benchmarks/forms.py --write ir/targets/cpu.json --only "attention causal"
    python benchmarks/forms.py --threads 1 --clock cpu --only "attention"

In: nothing but this machine's ONNX Runtime. Out: microseconds by case, form and size; products and
pointwise ops by shape class too, products by precision as well. All sessions of a case share one
thread pool, take turns in random order, and run the runtime's own optimizer, since a file served
elsewhere meets it too. The figure is the lower quartile of the rounds: other
processes only ever add to a time. Where they keep the cores busy, one thread and the CPU's clock
still compare the work itself; the table says for each case how it was measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product
from operator import itemgetter
from pathlib import Path
from typing import Any

import neuralc
import numpy as np
import onnx
import onnxruntime
from neuralc.ir.costs import FP32, shape_class
from neuralc.ir.quantization import QUANTIZED
from onnx import TensorProto, helper, numpy_helper

Nodes = list[onnx.NodeProto]
CONTRIB = "com.microsoft"
BLOCKS = (2, 4, 8, 16, 32)
LEAST_ROWS, MOST_ROWS = 8, 512
"""Queries in a block that are worth measuring."""


@dataclass(frozen=True)
class Case:
    """Forms of one computation at one size: for each its nodes, all from `feeds` to `outputs`."""

    name: str
    size: float
    forms: dict[str, Nodes | bytes]
    """For each form its nodes, or a whole model."""
    feeds: dict[str, np.ndarray[Any, Any]]
    weights: dict[str, np.ndarray[Any, Any]]
    outputs: tuple[str, ...] = ("out",)
    shape: str = ""
    """The shape class, where it is measured apart."""
    precisions: dict[str, str] = field(default_factory=dict)
    """The forms that do not compute in float32, with what they compute in."""
    sessions: int = 1
    """How many sessions a form is measured in. Where its weights come to lie in memory changes the
    time of a product by one row by up to a sixth."""


def node(op: str, inputs: str, outputs: str = "out", **attributes: Any) -> onnx.NodeProto:
    """A node from `a b _ c` (`_` is an absent input) and `Op` or `com.microsoft.Op`."""
    domain, _, op = op.rpartition(".")
    names = ["" if name == "_" else name for name in inputs.split()]
    return helper.make_node(op, names, outputs.split(), domain=domain, **attributes)


def floats(*shape: int) -> np.ndarray[Any, Any]:
    values = np.random.default_rng(0).standard_normal(shape) * 0.1
    return np.asarray(values, dtype=np.float32)


# ---- the cases ----------------------------------------------------------------------------


def attention_cases(length: int, heads: int, size: int) -> Iterator[Case]:
    """Bidirectional, causal, padded and both, batch 1."""
    width, scale = heads * size, size**-0.5
    feeds = {name: floats(1, length, width) for name in ("q", "k", "v")}
    weights = {
        "split": np.array([0, 0, heads, size]),
        "join": np.array([0, 0, width]),
        "scale": np.float32(scale),
        "lowest": np.float32(np.finfo(np.float32).min),
        "zero": np.float32(0),
        "causal": np.tril(np.ones((length, length), bool)),
        "last": np.array([length - 1], np.int32),
        "total": np.array(length, np.int32),
        "square": np.array([1, 1, length, length]),
    }
    key_mask = np.ones((1, 1, 1, length), bool)
    key_mask[..., -max(1, length // 10) :] = False

    def decomposed(mask: str | None) -> Nodes:
        before = [
            node("Reshape", "q split", "q4"),
            node("Reshape", "k split", "k4"),
            node("Reshape", "v split", "v4"),
            node("Transpose", "q4", "qt", perm=[0, 2, 1, 3]),
            node("Transpose", "k4", "kt", perm=[0, 2, 3, 1]),
            node("Transpose", "v4", "vt", perm=[0, 2, 1, 3]),
            node("MatMul", "qt kt", "s"),
            node("Mul", "s scale", "ss"),
        ]
        weigh = [node("Softmax", "ss", "p")]
        if mask:
            weigh = [
                node("Where", f"{mask} ss lowest", "sm"),
                node("Softmax", "sm", "pm"),
                node("Where", f"{mask} pm zero", "p"),
            ]
        after = [
            node("MatMul", "p vt", "o4"),
            node("Transpose", "o4", "ot", perm=[0, 2, 1, 3]),
            node("Reshape", "ot join"),
        ]
        return before + weigh + after

    def attention23(inputs: str = "q k v", out: str = "out", **attributes: int) -> Nodes:
        heads_of = {"q_num_heads": heads, "kv_num_heads": heads}
        return [node("Attention", inputs, out, scale=scale, **heads_of, **attributes)]

    mha = [node("com.microsoft.MultiHeadAttention", "q k v", num_heads=heads, scale=scale)]

    def blocks(count: int, causal: bool, key_mask: str | None) -> Nodes:
        """Queries in parts, as passes/query_blocks.py writes them."""
        nodes: Nodes = []
        weights.update({"0": np.array([0]), "1": np.array([1]), "3": np.array([3])})
        ends = [length * index // count for index in range(count + 1)]
        for start, stop in pairwise(ends):
            seen = stop if causal else length
            weights.update({f"at{each}": np.array([each]) for each in (start, stop, seen)})
            name = f"{start}to{stop}in{seen}"
            parts = [f"q{name}", "k", "v"]
            nodes.append(node("Slice", f"q at{start} at{stop} 1", parts[0]))
            if seen < length:
                parts[1:] = [f"k{name}", f"v{name}"]
                nodes += [node("Slice", f"{x} 0 at{seen} 1", f"{x}{name}") for x in "kv"]
            masks = []
            if causal:
                masks.append(f"m{name}")
                weights[masks[-1]] = np.tril(np.ones((length, length), bool))[start:stop, :seen]
            if key_mask:
                masks.append(f"p{name}")
                nodes.append(node("Slice", f"{key_mask} 0 at{seen} 3", masks[-1]))
            if len(masks) == 2:
                nodes.append(node("And", " ".join(masks), f"b{name}"))
            elif key_mask:
                weights[f"s{name}"] = np.array([1, 1, stop - start, seen])
                nodes.append(node("Expand", f"p{name} s{name}", f"b{name}"))
            last = nodes[-1].output[0] if key_mask else " ".join(masks)
            nodes += attention23(" ".join([*parts, last]), out=f"o{name}")
        made = " ".join(each.output[0] for each in nodes if each.op_type == "Attention")
        return [*nodes, node("Concat", made, axis=1)]

    def all_blocks(causal: bool = False, key_mask: str | None = None) -> dict[str, Nodes]:
        return {
            f"blocks{count}": blocks(count, causal, key_mask)
            for count in BLOCKS
            if MOST_ROWS >= length // count >= LEAST_ROWS
        }

    gqa = [
        node(
            "com.microsoft.GroupQueryAttention",
            "q k v _ _ last total",
            "out present_key present_value",
            num_heads=heads,
            kv_num_heads=heads,
            scale=scale,
        )
    ]
    expand = [node("Expand", "key_mask square", "mask")]
    both = [node("And", "key_mask causal", "both")]
    work = 4.0 * heads * length * length * size
    masked = {**feeds, "key_mask": key_mask}
    yield Case(
        "attention",
        work,
        {
            "attention23": attention23(),
            "mha": mha,
            **all_blocks(),
            "decomposed": decomposed(None),
        },
        feeds,
        weights,
    )
    yield Case(
        "attention causal",
        work,
        {
            "attention23": attention23(is_causal=1),
            "gqa": gqa,
            **all_blocks(causal=True),
            "decomposed": decomposed("causal"),
        },
        feeds,
        weights,
    )
    yield Case(
        "attention masked",
        work,
        {
            "attention23": expand + attention23("q k v mask"),
            **all_blocks(key_mask="key_mask"),
            "decomposed": decomposed("key_mask"),
        },
        masked,
        weights,
    )
    yield Case(
        "attention causal masked",
        work,
        {
            "attention23": expand + attention23("q k v mask", is_causal=1),
            **all_blocks(True, "key_mask"),
            "decomposed": both + decomposed("both"),
        },
        masked,
        weights,
    )


def linear_cases(rows: int, inner: int, width: int) -> Iterator[Case]:
    x = floats(rows, inner)
    quantized = {form: (name, model) for name, form, model in quantized_linears(inner, width)}
    yield Case(
        "linear",
        2.0 * rows * inner * width,
        {
            "gemm": [node("Gemm", "x w b")],
            "matmul_add": [node("MatMul", "x w", "y"), node("Add", "y b")],
            **{form: model for form, (_, model) in quantized.items()},
        },
        {"x": x, "input": x},
        {"w": floats(inner, width), "b": floats(width)},
        shape=shape_class(rows, width),
        precisions={form: name for form, (name, _) in quantized.items()},
        sessions=5 if rows == 1 else 3,
    )


def quantized_linears(inner: int, width: int) -> Iterator[tuple[str, str, bytes]]:
    """The same product in each lower precision, as the compiler writes it: the precision, the form
    and the model. None where the product is too small to be quantized."""
    program = f"network N {{ input: ({inner},) layers: Dense({width}) }}"
    for precision in QUANTIZED:
        model = neuralc.compile(program, precision=precision, lint=False)
        ops = [each.op for each in model.target_graph.nodes()]
        if form := next((op for op in ops if op.endswith("quantized_linear")), None):
            yield precision, f"{form} {precision}", model.to_bytes()


def qkv_case(rows: int, width: int) -> Case:
    names = ("q", "k", "v")
    weights = {f"w{n}": floats(width, width) for n in names}
    weights |= {f"b{n}": floats(width) for n in names}
    weights |= {"w": floats(width, 3 * width), "b": floats(3 * width)}
    weights["sizes"] = np.array([width] * 3)
    return Case(
        "qkv_projection",
        6.0 * rows * width * width,
        {
            "separate": [node("Gemm", f"x w{n} b{n}", n) for n in names],
            "packed": [node("Gemm", "x w b", "all"), node("Split", "all sizes", "q k v", axis=1)],
        },
        {"x": floats(rows, width)},
        weights,
        names,
        shape_class(rows, 3 * width),
    )


def pointwise_cases(rows: int, width: int) -> Iterator[Case]:
    """Behind a Gemm, as in a network: its cost is in every form alike."""
    gemm = node("Gemm", "x w c", "y")
    weights = {
        "w": floats(8, width),
        "c": floats(width),
        "bias": floats(width),
        "gain": floats(width),
        "half": np.float32(0.5),
        "one": np.float32(1),
        "root": np.float32(0.5**0.5),
    }
    small, shape = {"x": floats(rows, 8)}, shape_class(rows, width)
    yield Case(
        "gelu",
        float(rows * width),
        {
            "gelu20": [gemm, node("Gelu", "y")],
            "primitive": [
                gemm,
                node("Mul", "y root", "a"),
                node("Erf", "a", "e"),
                node("Add", "e one", "f"),
                node("Mul", "y half", "h"),
                node("Mul", "h f"),
            ],
        },
        small,
        weights,
        shape=shape,
    )
    yield Case(
        "bias_gelu",
        float(rows * width),
        {
            "add_gelu": [gemm, node("Add", "y bias", "s"), node("Gelu", "s")],
            "bias_gelu": [gemm, node("com.microsoft.BiasGelu", "y bias")],
        },
        small,
        weights,
        shape=shape,
    )
    norm = {"epsilon": 1e-5}
    yield Case(
        "skip_layer_norm",
        float(rows * width),
        {
            "add_norm": [
                gemm,
                node("Add", "y skip", "sum"),
                node("LayerNormalization", "sum gain bias", "out", **norm),
            ],
            "skip_layer_norm": [
                gemm,
                helper.make_node(
                    "SkipLayerNormalization",
                    ["y", "skip", "gain", "bias"],
                    ["out", "", "", "sum"],
                    domain=CONTRIB,
                    **norm,
                ),
            ],
        },
        {**small, "skip": floats(rows, width)},
        weights,
        ("out", "sum"),
        shape,
    )


def cases() -> Iterator[Case]:
    for length, heads, size in ((32, 8, 64), (100, 8, 8), (128, 12, 64), (512, 8, 64)):
        yield from attention_cases(length, heads, size)
    yield from attention_cases(2048, 4, 64)
    for length in (1024, 2048, 4096):
        yield from attention_cases(length, 12, 64)
    # One row, up to 128 and more; narrower than 512 and wider: a point in each class at least.
    for rows in (1, 100, 512):
        for inner, width in ((64, 64), (256, 256)):
            yield from linear_cases(rows, inner, width)
    for rows in (1, 128, 512):
        for inner, width in ((768, 768), (768, 3072), (3072, 768)):
            yield from linear_cases(rows, inner, width)
    for rows, width in ((1, 64), (1, 768), (100, 64), (128, 768), (512, 64), (512, 768)):
        yield qkv_case(rows, width)
    for rows in (1, 100, 512):
        for width in (64, 768, 3072):
            yield from pointwise_cases(rows, width)


# ---- measuring ----------------------------------------------------------------------------

FLUSH: list[bool] = []
"""Not empty: every session asks for subnormal numbers to count as zeros."""
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def session(case: Case, form: Nodes | bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.use_per_session_threads = False
    options.log_severity_level = 3
    if FLUSH:
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
    model = form if isinstance(form, bytes) else model_of(case, form)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def model_of(case: Case, nodes: Nodes) -> bytes:
    used = {name for each in nodes for name in each.input}
    kinds = {name: helper.np_dtype_to_tensor_dtype(x.dtype) for name, x in case.feeds.items()}
    graph = helper.make_graph(
        nodes,
        case.name,
        [
            helper.make_tensor_value_info(name, kinds[name], x.shape)
            for name, x in case.feeds.items()
            if name in used
        ],
        [helper.make_tensor_value_info(out, TensorProto.FLOAT, None) for out in case.outputs],
        [numpy_helper.from_array(x, name) for name, x in case.weights.items() if name in used],
    )
    opsets = [helper.make_opsetid("", 23), helper.make_opsetid(CONTRIB, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=11)
    return bytes(model.SerializeToString())


def measure(case: Case, seconds: float, clock: Callable[[], float]) -> dict[str, float]:
    """Microseconds a run for each form."""
    runs: dict[tuple[str, int], Callable[[], Any]] = {}
    for form, number in product(case.forms, range(case.sessions)):
        each = session(case, case.forms[form])
        binding = each.io_binding()
        for argument in each.get_inputs():
            binding.bind_cpu_input(argument.name, case.feeds[argument.name])
        for out in each.get_outputs():
            binding.bind_output(out.name)
        runs[form, number] = lambda each=each, binding=binding: each.run_with_iobinding(binding)
    times: dict[tuple[str, int], list[float]] = {key: [] for key in runs}
    for run in runs.values():
        run()
        run()
    order = list(runs)
    shuffle = random.Random(0)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[order[0]]) < 5:
        shuffle.shuffle(order)
        for key in order:
            start = clock()
            runs[key]()
            times[key].append(clock() - start)
    quartiles = {key: 1e6 * float(np.percentile(each, 25)) for key, each in times.items()}
    return {
        form: float(np.median([quartiles[form, number] for number in range(case.sessions)]))
        for form in case.forms
    }


class Table:
    """Rows of figures by precision, case and form, as the file has them."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str], list[list[Any]]] = {}

    def add(self, case: Case, form: str, microseconds: float) -> None:
        row: list[Any] = [case.size, float(f"{microseconds:.4g}")]
        precision = case.precisions.get(form, FP32)
        # In a lower precision the form stands for all that the scheme adds around the product.
        name = form.removesuffix(f" {precision}")
        self._rows.setdefault((precision, case.name, name), []).append(
            [*row, case.shape] if case.shape else row
        )

    def put_into(self, content: dict[str, Any], how: str) -> None:
        """Puts the cases that were measured in the place of those of the same name."""
        measured = content.setdefault("measured", {})
        wide = content.setdefault("microseconds", {})
        narrow = content.setdefault("precisions", {})
        for case in dict.fromkeys(case for _, case, _ in self._rows):
            for each in (wide, *narrow.values(), measured):
                each.pop(case, None)
            if how != content["machine"]:
                measured[case] = how
        for (precision, case, form), rows in self._rows.items():
            place = wide if precision == FP32 else narrow.setdefault(precision, {})
            place.setdefault(case, {})[form] = sorted(rows, key=itemgetter(0))


def processor() -> str:
    """The model's name where the system tells it, with the widest vector instructions it has."""
    name = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        text = Path("/proc/cpuinfo").read_text()
        lines = dict(line.split("\t", 1) for line in text.splitlines() if "\t" in line)
        name = lines.get("model name", name).lstrip("\t: ")
        name += ", AVX-512 and VNNI" if "avx512_vnni" in text else ""
    return name


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--flush", action="store_true", help="subnormal numbers count as zeros")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each case")
    parser.add_argument("--only", default="", help="cases whose name starts so")
    parser.add_argument("--write", type=Path, help="write the table there")
    options = parser.parse_args()
    FLUSH.extend([True] * options.flush)
    onnxruntime.set_global_thread_pool_sizes(options.threads, 1)
    table = Table()
    for case in cases():
        if not case.name.startswith(options.only):
            continue
        found = measure(case, options.seconds, CLOCKS[options.clock])
        best = min(found.values())
        for form, time_taken in found.items():
            table.add(case, form, time_taken)
            print(f"{case.name:24}{case.shape:18}{case.size:12.4g}  {form:38}", end="")
            print(f"{time_taken:10.1f}  {time_taken / best:5.2f}")
    if options.write:
        threads = f"{options.threads} thread{'s' if options.threads > 1 else ''}"
        how = f"{processor()}, {threads}, ONNX Runtime {onnxruntime.__version__}"
        how += ", CPU time" if options.clock == "cpu" else ""
        content: dict[str, Any] = {"machine": how}
        if options.only and options.write.is_file():
            content = json.loads(options.write.read_text(encoding="utf-8"))
        table.put_into(content, how)
        options.write.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        print(f"wrote {options.write}")


if __name__ == "__main__":
    main()
