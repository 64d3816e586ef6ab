"""Trained weights: read from a safetensors file into a graph, listed, and written to one.

In: a graph as built, and a file. Out: the graph with the file's tensors as the sources of its
weights. Only the file's header is read here; the tensors follow one at a time while the compiled
model is written. Names are the paths of the weights, or another library's through an adapter of
`compiler/weights/adapters.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...ir.diagnostic import CompileError, Diagnostic, ExitStatus, Severity, failure
from ...ir.graph import Graph
from ...ir.parameter import Computed, Literal, ParameterSource, Seeded, Stored
from ...ir.span import Span
from ...ir.tensor_file import read_header
from ...ir.type import TensorType
from ...ir.value import Kind, Value
from .adapters import ADAPTERS
from .checkpoint import Checkpoint, Weight
from .writer import write_tensors


@dataclass(frozen=True, slots=True)
class Binding:
    """A graph whose weights come from a file, and what is to be said about it."""

    graph: Graph
    notes: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class WeightRow:
    """One weight of a program, for a table: its path, type, kind, content and source place."""

    path: str
    type: TensorType
    kind: str
    source: str
    span: Span | None


def bind(graph: Graph, file: Path | str, adapter: str | None = None) -> Binding:
    """The graph with every weight read from `file`, a safetensors file.

    Without an adapter the tensors are called like the weights' paths and have their shapes; the
    adapter `bert` reads Hugging Face's BERT checkpoints. `graph` itself is not changed.

    Raises `CompileError`: with status 3 where the file cannot be read (E0401 and its
    neighbours), with status 1 and one diagnostic a mismatch where a tensor is missing, belongs to
    no weight, or has another shape (E0410 …).
    """
    if adapter is not None and adapter not in ADAPTERS:
        known = ", ".join(sorted(ADAPTERS))
        raise failure(
            "E0416",
            f"there is no way to read the weights of {adapter!r}",
            status=ExitStatus.USAGE,
            help=f"known: {known}; leave it out for files with the names of the weights",
        )
    checkpoint = Checkpoint(str(file), read_header(Path(file)))
    weights = weights_of(graph)
    if adapter is None:
        _by_path(weights, checkpoint)
    else:
        ADAPTERS[adapter](weights, checkpoint)
    problems = checkpoint.problems()
    if problems:
        raise CompileError(tuple(problems))
    bound = graph.copy()
    for value, source in checkpoint.sources.items():
        bound.set_source(value, source)
    return Binding(bound, _left_out(checkpoint))


def weights_of(graph: Graph) -> list[Weight]:
    """The parameters and statistics of a graph as built, in the order of the program."""
    return [
        Weight(value, _first_place(graph, value))
        for value, _ in graph.sources()
        if value.kind in (Kind.PARAMETER, Kind.STATE)
    ]


def weight_table(graph: Graph) -> list[WeightRow]:
    """What `neural layers MODEL --weights` lists: one row a weight, in the order of the program."""
    sources = dict(graph.sources())
    return [
        WeightRow(w.path, w.type, w.value.kind.value, describe(sources[w.value]), w.span)
        for w in weights_of(graph)
    ]


def save_weights(graph: Graph, path: Path | str) -> None:
    """Writes what a graph as built uses as weights, for `--weights` to read: a safetensors file.

    Raises `CompileError` where the file cannot be written; what was there before then stays.
    """
    sources = dict(graph.sources())
    write_tensors({w.path: sources[w.value] for w in weights_of(graph)}, Path(path))


def describe(source: ParameterSource) -> str:
    """Where a weight comes from, in a few words: `glorot_uniform, seed 0`, `layer.weight in f`."""
    match source:
        case Literal():
            return "given in the program"
        case Seeded(_, initializer, arguments, seed, _):
            given = ", ".join(f"{name}={value:g}" for name, value in arguments)
            return (
                f"{initializer}({given}), seed {seed}" if given else f"{initializer}, seed {seed}"
            )
        case Stored(_, file, tensor):
            return f"{tensor} in {file}"
        case Computed(_, op, _, operands):
            parts = [describe(each) for each in operands if each is not None]
            return f"{op}({'; '.join(parts)})"


def is_random(graph: Graph) -> bool:
    """Whether a weight is drawn at random, so that the compiled model is untrained."""
    constant = ("zeros", "ones", "constant")
    return any(
        isinstance(source, Seeded) and source.initializer not in constant
        for value, source in graph.sources()
        if value.kind is Kind.PARAMETER
    )


def _by_path(weights: Sequence[Weight], checkpoint: Checkpoint) -> None:
    for weight in weights:
        checkpoint.give(weight, checkpoint.take(weight.path, weight.type.static_shape, weight))
    foreign = [
        name for name, marker in _MARKERS.items() if any(marker in t for t in checkpoint.tensors)
    ]
    if foreign and not checkpoint.sources:
        checkpoint.refuse(
            "E0414",
            f"the tensors of {checkpoint.file} have the names of another library",
            help=f"add --weights-from {foreign[0]}",
        )


_MARKERS: Mapping[str, str] = {"bert": "embeddings.word_embeddings.weight"}
"""A name by which a checkpoint of each adapter is recognized."""


def _first_place(graph: Graph, value: Value) -> Span | None:
    for node in graph.users(value):
        if node.spans:
            return node.spans[0]
    return None


def _left_out(checkpoint: Checkpoint) -> tuple[Diagnostic, ...]:
    if not checkpoint.ignored:
        return ()
    names = ", ".join(checkpoint.ignored)
    count = len(checkpoint.ignored)
    tensors = "1 tensor" if count == 1 else f"{count} tensors"
    message = f"{tensors} of {checkpoint.file} not needed and left out: {names}"
    return (Diagnostic("N0410", Severity.NOTE, message),)
