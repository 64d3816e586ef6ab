"""Graph → ONNX: each node in the form that its attribute `form` says, one after the other.

In: a graph after `select_forms` (or any graph of primitive ops) and its target. Out: an
`OnnxProgram`: structure, types, places and metadata, the weights still as sources.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import onnx
from onnx import helper

from ..ir.dim import largest
from ..ir.dtype import DType
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.target import Target
from ..ir.type import TensorType
from ..ir.value import Value
from .onnx_program import ONNX_TYPES, OnnxProgram
from .onnx_writer import CONTRIB, OnnxWriter, fault
from .table import Lowering, lowering_of

LONG = 1024
"""Keys of an attention from which the runtime is not told the types of open tensors."""
SOURCE_MAP = "neuralc.source_map"
"""Metadata key: JSON, ONNX node name → source places, for profiles and errors."""


def lower(
    graph: Graph,
    target: Target,
    *,
    producer_version: str,
    metadata: Mapping[str, str] | None = None,
) -> OnnxProgram:
    """The graph as a model for the target.

    `metadata` goes into the model's metadata beside the graph's own, and wins over it.
    Raises `CompileError` E0601 (a compiler fault) for a node that the target cannot take.
    """
    w = OnnxWriter(graph, target)
    for node in graph.nodes():
        write = _lowering(node, target).write
        w.begin(node)
        write(w, node)
    w.finish_outputs()

    nodes = _needed(w.nodes, set(graph.outputs))
    used = {name for node in nodes for name in node.input}
    names = w.value_names()
    made = {name for node in nodes for name in node.output if name}
    spare = _is_long(graph)
    value_info = [
        tensor_info(name, value.type, w.dtype_of(value))
        for value, name in names.items()
        if name in made and name not in graph.outputs and not (spare and _is_open(value))
    ]
    proto = helper.make_graph(
        nodes,
        graph.name,
        [tensor_info(value.name, value.type) for value in graph.inputs],
        [tensor_info(name, value.type) for name, value in graph.outputs.items()],
        value_info=value_info,
    )
    versions = [helper.make_opsetid("", target.opset)]
    if any(node.domain == CONTRIB for node in nodes):
        versions.append(helper.make_opsetid(CONTRIB, 1))
    model = helper.make_model(
        proto,
        opset_imports=versions,
        ir_version=target.ir_version,
        producer_name="neuralc",
        producer_version=producer_version,
    )
    properties = {**graph.metadata, SOURCE_MAP: _source_map(nodes), **(metadata or {})}
    helper.set_model_props(model, properties)
    weights = tuple((name, source) for name, source in w.initializers.items() if name in used)
    made.update(value.name for value in graph.inputs)
    held = {value.name: name for value, name in names.items() if name in made}
    return OnnxProgram(model, weights, held)


def _is_long(graph: Graph) -> bool:
    """Whether an attention looks at so many keys that memory counts.

    The runtime keeps a buffer that is free from one tensor to the next that it knows to be as
    large: the hidden layer's while the next attention runs, and those of all its blocks of queries
    (docs/memory.md). Where types with open sizes are not told it frees them at once.
    """
    for node in graph.nodes():
        if node.op == "attention" and (key := node.operands[1]) is not None:
            length = largest(key.type.shape[1])
            if length is not None and length >= LONG:
                return True
    return False


def _is_open(value: Value) -> bool:
    return any(not isinstance(dim, int) for dim in value.type.shape)


def tensor_info(name: str, type: TensorType, dtype: DType | None = None) -> onnx.ValueInfoProto:
    """A typed name; symbolic dimensions are named by their formula."""
    dims = [dim if isinstance(dim, int) else str(dim) for dim in type.shape]
    return helper.make_tensor_value_info(name, ONNX_TYPES[dtype or type.dtype], dims)


def _lowering(node: Node, target: Target) -> Lowering:
    form = str(node.attributes.get("form", ""))
    lowering = lowering_of(node.op, form)
    where = f" at {node.spans[0]}" if node.spans else ""
    what = f"{node.op}{f' in form {form!r}' if form else ''}{where}"
    if lowering is None:
        raise fault("E0601", f"nothing writes {what} as ONNX")
    if lowering.contrib and not target.contrib:
        raise fault("E0601", f"{what} needs the domain {CONTRIB}, which {target.name} lacks")
    if lowering.opset > target.opset:
        raise fault(
            "E0601",
            f"{what} needs opset {lowering.opset}, the target {target.name} has {target.opset}",
        )
    return lowering


def _needed(nodes: list[onnx.NodeProto], outputs: set[str]) -> list[onnx.NodeProto]:
    """The nodes that an output depends on, in order: a table may have replaced a computation."""
    wanted = set(outputs)
    kept = []
    for node in reversed(nodes):
        if not wanted.isdisjoint(node.output):
            kept.append(node)
            wanted.update(name for name in node.input if name)
    return kept[::-1]


def _source_map(nodes: list[onnx.NodeProto]) -> str:
    places = {
        node.name: entry.value
        for node in nodes
        for entry in node.metadata_props
        if entry.key == "source"
    }
    return json.dumps(places, ensure_ascii=False, separators=(",", ":"))
