"""How far compiled programs are from the float64 interpreter; the unoptimized graph sets the scale.

In: a program and the variants to compile. Out: what is wrong, in words. Errors are pooled over
inputs, weights and outputs; where too few numbers make the pool look bad, more are drawn before
anything is called wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import neuralc
import numpy as np
import onnxruntime as ort
from neuralc.ir.diagnostic import CompileError
from neuralc.ir.dim import evaluate
from neuralc.ir.dtype import DType
from neuralc.ir.equality import difference
from neuralc.ir.graph import Graph
from neuralc.ir.interpreter import interpret
from neuralc.ir.least_sizes import least_sizes
from neuralc.ir.text import parse_graph, print_graph
from random_programs import VOCABULARY, Program

Inputs = dict[str, np.ndarray]
PADDING = ("right", "left", "gapped", "all", "none")
FORMS: tuple[dict[str, str], ...] = (
    {},
    {"attention": "decomposed"},
    {"attention": "attention23"},
    {"attention": "mha"},
    {"attention": "gqa"},
    {"attention": "blocks"},
    {"attention": "blocks4"},
    {"qkv": "packed"},
    {"qkv": "separate", "linear": "matmul_add"},
    {"linear": "gemm"},
    {"gelu": "primitive", "bias_gelu": "bias_gelu", "skip_layer_norm": "skip_layer_norm"},
    {"gelu": "gelu20", "bias_gelu": "add_gelu", "skip_layer_norm": "add_norm"},
)
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Variant:
    """One way to compile a program, and whether the runtime may optimize the file."""

    level: int
    target: str = "cpu"
    optimized: bool = False
    forms: tuple[tuple[str, str], ...] = ()


BASE = Variant(0)


@dataclass
class Error:
    """Error pooled over numbers: the sum of squares, the count, the maximum."""

    squares: float = 0.0
    count: int = 0
    maximum: float = 0.0

    def add(self, difference: np.ndarray) -> None:
        self.squares += float(np.square(difference).sum())
        self.count += difference.size
        self.maximum = max(self.maximum, float(np.abs(difference).max(initial=0)))

    @property
    def rms(self) -> float:
        return float(np.sqrt(self.squares / max(self.count, 1)))


def session(model: neuralc.CompiledModel, optimized: bool) -> ort.InferenceSession:
    options = ort.SessionOptions()
    level = ort.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimized else level.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return ort.InferenceSession(model.to_bytes(), options, providers=["CPUExecutionProvider"])


def padded(how: str, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Ones where a position counts: [batch, S], or [batch, S, S] of any pattern."""
    mask = np.ones(shape, np.int64)
    if len(shape) == 3:
        mask = random.integers(0, 2, shape) if how != "none" else mask
        if how == "all":
            mask[-1] = 0
        return mask
    for row in range(shape[0]):
        kept = int(random.integers(1, shape[1] + 1))
        if how == "right":
            mask[row, kept:] = 0
        elif how == "left":
            mask[row, : shape[1] - kept] = 0
        elif how == "gapped":
            mask[row] = random.integers(0, 2, shape[1])
    if how == "all":
        mask[-1] = 0
    return mask


def sample(graph: Graph, sizes: dict[str, int], padding: str, seed: int, scale: float) -> Inputs:
    """Inputs for a graph: normal floats times `scale`, ids with padding zeros, masks."""
    random = np.random.default_rng(seed)
    inputs: Inputs = {}
    for value in graph.inputs:
        shape = tuple(evaluate(dim, sizes) for dim in value.type.shape)
        dtype = value.type.dtype
        if "mask" in value.name:
            inputs[value.name] = padded(padding, shape, random).astype(dtype.numpy)
        elif dtype is DType.I64:
            ids = random.integers(0, VOCABULARY, shape)
            inputs[value.name] = ids * padded(padding, shape, random) if len(shape) == 2 else ids
        else:
            inputs[value.name] = (scale * random.standard_normal(shape)).astype(np.float32)
    return inputs


def cases(graph: Graph, program: Program, count: int, seed: int) -> Iterator[Inputs]:
    """Inputs at batches 1 to 3, the shortest length and others, and every padding."""
    random = np.random.default_rng(seed)
    least = least_sizes(graph)
    for index in range(count):
        sizes = {name: each.maximum or 5 for name, each in graph.symbols().items()}
        sizes["B"] = 1 + index % 3
        for name in sizes:
            if name != "B" and program.longest:
                drawn = int(random.integers(least[name], program.longest + 1))
                sizes[name] = drawn if index else least[name]
        scale = (1.0, 1.0, 3.0)[index % 3]
        padding = PADDING[(index + seed) % len(PADDING)]
        yield sample(graph, sizes, padding, int(random.integers(1 << 30)), scale)


@dataclass
class Check:
    """One program under some variants."""

    program: Program
    variants: tuple[Variant, ...]
    problems: list[str] = field(default_factory=list)

    def compile(
        self, variant: Variant, seed: int, check_ir: bool = True
    ) -> neuralc.CompiledModel | None:
        """The model; None where this program has nothing that could take the forms asked for."""
        options = self.program.options | {"seed": seed}
        if variant.level == 3:
            # What -O3 takes must not hang on how busy the machine is: its forms are variants here.
            options |= {"tuning_time": 0.001, "tuning_cache": False}
        try:
            return neuralc.compile(
                self.program.text,
                opt_level=variant.level,
                target=variant.target,
                forms=variant.forms,
                check_ir=check_ir,
                lint=False,
                **options,
            )
        except CompileError as error:
            codes = [each.code for each in error.diagnostics]
            if "E0623" in codes and variant.forms:
                return None
            raise

    def run(self, cases_per_seed: int = 4, seeds: int = 2) -> list[str]:
        """What is wrong with the program's files; nothing where all is well."""
        suspects = self._compare(self.variants, cases_per_seed, range(seeds))
        if suspects and not self.problems:
            again = tuple(suspects)
            suspects = self._compare(again, 12, range(100, 112))
            self.problems += [f"{variant}: {words}" for variant, words in suspects.items()]
        return self.problems

    def _compare(
        self, variants: tuple[Variant, ...], cases_per_seed: int, seeds: range
    ) -> dict[Variant, str]:
        errors: dict[Variant, Error] = {}
        largest = 0.0
        first = self.program.options.get("seed", 0)
        for seed in seeds:
            models = {
                variant: model
                for variant in dict.fromkeys((BASE, *variants))
                if (model := self.compile(variant, first + seed, seed == seeds[0])) is not None
            }
            graph = models[BASE].source_graph
            if seed == seeds[0]:
                self._structure(models)
            running = {variant: session(m, variant.optimized) for variant, m in models.items()}
            for inputs in cases(graph, self.program, cases_per_seed, seed):
                with np.errstate(all="ignore"):
                    expected = interpret(graph, inputs)
                if any(not (np.abs(e) < LARGEST / 1e6).all() for e in expected.values()):
                    continue
                largest = max(largest, *(float(np.abs(e).max()) for e in expected.values()))
                if seed == seeds[0]:
                    self._same_meaning(models, inputs, expected)
                for variant, each in running.items():
                    self._add(errors.setdefault(variant, Error()), variant, each, inputs, expected)
        if BASE not in errors:
            return {}
        base = errors[BASE]
        slack = 4 * float(np.spacing(np.float32(largest)))
        return {
            variant: f"rms {error.rms:.3g} max {error.maximum:.3g}, "
            f"base {base.rms:.3g} {base.maximum:.3g}, largest {largest:.3g}"
            for variant, error in errors.items()
            if error.rms > 2 * base.rms + slack or error.maximum > 2 * base.maximum + slack
        }

    def _add(
        self, error: Error, variant: Variant, each: Any, inputs: Inputs, expected: Inputs
    ) -> None:
        names = [output.name for output in each.get_outputs()]
        if names != list(expected):
            self.problems.append(f"{variant}: outputs {names}, not {list(expected)}")
            return
        shapes = {name: array.shape for name, array in inputs.items()}
        try:
            results = each.run(names, inputs)
        except Exception as failure:
            self.problems.append(f"{variant}: {shapes}: {failure}")
            return
        for name, actual in zip(names, results, strict=True):
            if actual.shape != expected[name].shape:
                self.problems.append(f"{variant}: {name} {actual.shape} {expected[name].shape}")
            elif not np.isfinite(actual).all():
                self.problems.append(f"{variant}: {name} is not finite for {shapes}")
            else:
                error.add(actual - expected[name])

    def _same_meaning(
        self, models: dict[Variant, neuralc.CompiledModel], inputs: Inputs, expected: Inputs
    ) -> None:
        """Every graph of every variant in float64: only folded constants may have been rounded."""
        for variant, model in models.items():
            if variant == BASE or variant.optimized:
                continue
            for graph in (model.graph, model.target_graph):
                with np.errstate(all="ignore"):
                    actual = interpret(graph, inputs)
                for name, wanted in expected.items():
                    limit = 2e-5 * max(float(np.abs(wanted).max()), 1e-3)
                    if actual[name].shape != wanted.shape:
                        self.problems.append(f"{variant}: {name} has another shape in float64")
                    elif not (np.abs(actual[name] - wanted) <= limit).all():
                        worst = float(np.abs(actual[name] - wanted).max())
                        self.problems.append(f"{variant}: {name} differs by {worst} in float64")

    def _structure(self, models: dict[Variant, neuralc.CompiledModel]) -> None:
        for variant, model in models.items():
            stages = ("source_graph",) if variant == BASE else ("graph", "target_graph")
            for stage in stages:
                graph = getattr(model, stage)
                text = print_graph(graph, locations=True)
                if (words := difference(graph, parse_graph(text))) is not None:
                    self.problems.append(f"{variant}: {stage} is read back as another: {words}")
            self._idempotent(variant, model)

    def _idempotent(self, variant: Variant, model: neuralc.CompiledModel) -> None:
        from neuralc.passes.forms_pipeline import forms_passes
        from neuralc.passes.manager import run_pipeline
        from neuralc.passes.pipelines import passes_of

        records = run_pipeline(model.graph, passes_of(variant.level), verify=True).records
        if variant.level >= 2:
            padding = self.program.options.get("padding", "auto")
            target = model._compilation.target
            passes = forms_passes(target, dict(variant.forms), padding=padding)
            records += run_pipeline(model.target_graph, passes, verify=True).records
        for record in records:
            if record.changes:
                self.problems.append(f"{variant}: {record.name} finds more to do on its own result")
