"""What the compiler knows of a target: file versions, kernels, what they take, cost and allocate.

In: a target's name and precision. Out: `Target`. Nothing here is a belief: capabilities were tried
(tests/passes/test_select_forms_kernels.py), costs come from `ir/targets/*.json`, which
benchmarks/forms.py writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from .costs import CostTable, cost_table
from .diagnostic import ExitStatus, failure
from .dim import Dim
from .dtype import DType
from .quantization import QUANTIZED


@dataclass(frozen=True, slots=True)
class AttentionSizes:
    """The sizes that decide what an attention costs and allocates; all may be symbolic."""

    batch: Dim
    heads: Dim
    queries: Dim
    keys: Dim
    head_size: Dim
    value_size: Dim
    kv_heads: Dim
    itemsize: int = 4
    mask_elements: Dim = 0
    """Elements of the mask: queries times keys, times what it tells apart; 0 without one."""

    @property
    def scores(self) -> Dim:
        """Bytes of one tensor of scores, [batch, heads, queries, keys]."""
        return self.batch * self.heads * self.queries * self.keys * self.itemsize

    @property
    def queries_bytes(self) -> Dim:
        """Bytes of the queries."""
        return self.batch * self.queries * self.heads * self.head_size * self.itemsize

    @property
    def keys_and_values_bytes(self) -> Dim:
        """Bytes of the keys and the values together."""
        width = self.kv_heads * (self.head_size + self.value_size)
        return self.batch * self.keys * width * self.itemsize

    @property
    def work(self) -> Dim:
        """Multiplications and additions of both products: the unit of the cost tables."""
        pairs = self.batch * self.heads * self.queries * self.keys
        return 2 * pairs * (self.head_size + self.value_size)


@dataclass(frozen=True, slots=True)
class Form:
    """One way to compute a fused op, and what it can take.

    A form that `expands` is written in simpler nodes by `select_forms`; any other is one kernel,
    and its name goes into the node's attribute `form`.
    """

    name: str
    doc: str
    expands: bool = False
    contrib: bool = False
    """Needs the operator domain com.microsoft."""
    opset: int = 1
    """The first version of the standard operators that has it."""
    dtypes: frozenset[DType] = frozenset({DType.F32, DType.F16})
    ranks: frozenset[int] | None = None
    """Ranks of the first operand that it takes; None for all."""
    masks: bool = True
    """Takes boolean masks (key padding or pairwise) exactly: masked entries have no influence."""
    bias: bool = True
    """Takes a bias on the scores."""
    causal: bool | None = None
    """True: causal attention only; False: never; None: both."""
    grouped: bool = True
    """Takes fewer key heads than query heads."""
    value_width: bool = True
    """Takes values of another head size than the queries'."""
    cross: bool = True
    """Takes a number of keys that may differ from the number of queries."""
    head_multiple: int = 1
    """Head sizes must be multiples of this."""
    materializes: bool = False
    """Keeps scores in memory: all of them at once, or those of one block of queries."""
    blocks: int = 1
    """Into how many blocks of queries it cuts an attention; one after the other is computed."""
    family: str = ""
    """What several forms that differ in a number only are called together: asking for it leaves
    the number to the measured costs."""
    workspace: Callable[[AttentionSizes], Dim] | None = None
    """Bytes that an attention kernel allocates beside its operands and results."""


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of runtime that files are made for."""

    name: str
    opset: int
    ir_version: int
    contrib: bool
    """Whether kernels of the domain com.microsoft may be used."""
    float_dtype: DType
    """What floats are computed in."""
    oldest_runtime: str
    """The oldest ONNX Runtime that loads the files."""
    forms: Mapping[str, tuple[Form, ...]]
    """For each fused op its forms on this target, the plainest last: that one takes everything."""
    costs: CostTable = field(default_factory=CostTable)

    def form(self, op: str, name: str) -> Form | None:
        """The form of that name, if the target has it."""
        return next((form for form in self.forms.get(op, ()) if form.name == name), None)


TARGETS = ("cpu", "portable", "cuda")
PRECISIONS = {
    "cpu": ("fp32", *QUANTIZED),
    "portable": ("fp32",),
    "cuda": ("fp32", "fp16"),
}
"""What each target can be asked to compute in."""


def target_named(name: str, precision: str = "fp32") -> Target:
    """The target of that name, computing in that precision.

    Raises `CompileError` E0620 for an unknown target, E0621 for a precision that it lacks.
    """
    if name not in TARGETS:
        known = ", ".join(TARGETS)
        raise failure(
            "E0620", f"there is no target {name!r}", status=ExitStatus.USAGE, help=f"use {known}"
        )
    if precision not in PRECISIONS[name]:
        others = [each for each, has in PRECISIONS.items() if precision in has]
        raise failure(
            "E0621",
            f"the target {name!r} does not compute in {precision!r}",
            status=ExitStatus.USAGE,
            help=f"it computes in {', '.join(PRECISIONS[name])}"
            + (f"; the target {others[0]} in {precision} too" if others else ""),
        )
    if name == "cpu":
        # 1.23 has Attention, but before 1.28 a query that may see no key gets NaN or a mean there.
        return _target("cpu", 23, 11, True, DType.F32, "1.28")
    if name == "portable":
        return _target("portable", 20, 10, False, DType.F32, "1.18")
    return _target("cuda", 21, 10, True, DType.F16 if precision == "fp16" else DType.F32, "1.28")


def _target(
    name: str, opset: int, ir_version: int, contrib: bool, dtype: DType, oldest: str
) -> Target:
    forms = {
        op: tuple(
            form
            for form in (CUDA_FORMS.get(op, general) if name == "cuda" else general)
            if form.opset <= opset and (contrib or not form.contrib) and dtype in form.dtypes
        )
        for op, general in FORMS.items()
    }
    return Target(name, opset, ir_version, contrib, dtype, oldest, forms, cost_table(name))


def _scores_and_mask(sizes: AttentionSizes) -> Dim:
    """The probabilities, and the mask turned into numbers to add."""
    return sizes.scores + sizes.mask_elements * sizes.itemsize


def _tiles(sizes: AttentionSizes) -> Dim:
    """Copies with the heads apart; the tiles themselves are a few hundred KB per thread."""
    return sizes.queries_bytes + sizes.keys_and_values_bytes


def _tiles_and_cache(sizes: AttentionSizes) -> Dim:
    """The same, and the keys and values that the kernel gives back for a cache."""
    return sizes.queries_bytes + 2 * sizes.keys_and_values_bytes


FORMS: Mapping[str, tuple[Form, ...]] = {
    "attention": (
        Form(
            "attention23",
            "Attention of the standard operators, inputs [batch, sequence, heads * size]",
            opset=23,
            dtypes=frozenset({DType.F32}),
            materializes=True,
            workspace=_scores_and_mask,
        ),
        Form(
            "mha",
            "MultiHeadAttention of com.microsoft, in tiles: no scores are kept",
            contrib=True,
            masks=False,
            bias=False,
            causal=False,
            grouped=False,
            workspace=_tiles,
        ),
        Form(
            "gqa",
            "GroupQueryAttention of com.microsoft, in tiles: no scores are kept as long as its "
            "outputs for a cache are asked for",
            contrib=True,
            masks=False,
            bias=False,
            causal=True,
            value_width=False,
            cross=False,
            head_multiple=8,
            workspace=_tiles_and_cache,
        ),
        *(
            Form(
                f"blocks{count}",
                f"{count} blocks of queries one after the other, each an Attention over the keys "
                "that it may see: causal attention computes no more than the triangle",
                expands=True,
                opset=23,
                dtypes=frozenset({DType.F32}),
                bias=False,
                materializes=True,
                blocks=count,
                family="blocks",
            )
            for count in (2, 4, 8, 16, 32)
        ),
        Form(
            "decomposed",
            "two products with a softmax between them",
            expands=True,
            materializes=True,
        ),
    ),
    "qkv_projection": (
        Form("separate", "one product for each of query, key and value", expands=True),
        Form("packed", "one product with the weights side by side, and a split", expands=True),
    ),
    "kv_projection": (
        Form("separate", "one product for each of key and value", expands=True),
        Form("packed", "one product with the weights side by side, and a split", expands=True),
    ),
    "linear": (
        Form("gemm", "Gemm with the bias in it, on rows", ranks=frozenset({2})),
        Form("matmul_add", "MatMul and Add", expands=True),
    ),
    "gelu": (
        Form("gelu20", "Gelu of the standard operators", opset=20),
        Form("primitive", "its formula, operation by operation", expands=True),
    ),
    "silu": (Form("primitive", "x times its sigmoid", expands=True),),
    "bias_gelu": (
        Form("bias_gelu", "BiasGelu of com.microsoft", contrib=True),
        Form("add_gelu", "the bias in the product before it or an Add, then Gelu", expands=True),
    ),
    "skip_layer_norm": (
        Form("skip_layer_norm", "SkipLayerNormalization of com.microsoft", contrib=True),
        Form("add_norm", "Add, then LayerNormalization", expands=True),
    ),
    "scaled_masked_softmax": (
        Form("primitive", "scale, bias and masked softmax one by one", expands=True),
    ),
}
"""The forms that lowering can write, as the CPU's kernels and plain ones take them."""


def _on_cuda(form: Form) -> Form:
    if form.name == "gqa":
        return replace(form, dtypes=frozenset({DType.F16}))
    return replace(form, causal=None) if form.name == "mha" else form


CUDA_FORMS: Mapping[str, tuple[Form, ...]] = {
    "attention": tuple(
        _on_cuda(form) for form in sorted(FORMS["attention"], key=lambda form: form.name != "gqa")
    ),
}
"""Where CUDA differs, by ONNX Runtime's documentation: nobody has measured there yet, so that the
first form that can be used is taken. GroupQueryAttention exists in two-byte precision only; masked
attention stays decomposed, since the fused kernels mask by adding a finite number."""
