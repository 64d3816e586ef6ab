"""Graph → MLIR text in the form that torch-mlir imports ONNX in, which IREE compiles.

In: a graph in any forms. Out: a module of one function whose operations are
`torch.operator "onnx.…"` on `!torch.vtensor`, the model for the target `portable`; large weights
lie behind the function, as resources. (torch-mlir, docs/importers/onnx_importer.md.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, shape_inference

from ..ir.dtype import DType
from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.parameter import ParameterSource
from ..ir.spec import spec_of
from ..ir.target import Target, target_named
from ..ir.value import Value
from .onnx_lowering import lower
from .onnx_program import OnnxProgram, nbytes
from .onnx_writer import fault
from .table import lowering_of
from .tensor_bytes import raw_blocks
from .weights import tensor_header

INLINE_ELEMENTS = 16
"""Constants of at most so many elements are written where they are used."""

INFERRED_BYTES = 1024
"""Constants of at most so many bytes are shown to type inference: shapes are among them."""

RESOURCE_ALIGNMENT = (4).to_bytes(4, "little").hex()
"""What a resource begins with: the alignment of its content."""

ELEMENTS: dict[int, str] = {
    TensorProto.BOOL: "i1",
    TensorProto.INT8: "si8",
    TensorProto.UINT8: "ui8",
    TensorProto.INT32: "si32",
    TensorProto.INT64: "si64",
    TensorProto.FLOAT16: "f16",
    TensorProto.BFLOAT16: "bf16",
    TensorProto.FLOAT: "f32",
    TensorProto.DOUBLE: "f64",
}


def to_mlir(graph: Graph, *, producer_version: str = "") -> str:
    """The graph as MLIR text. Raises `CompileError` E0607 for what the form cannot hold."""
    target = target_named("portable")
    program = lower(plain(graph, target), target, producer_version=producer_version)
    return "".join(mlir_text(program))


def plain(graph: Graph, target: Target) -> Graph:
    """A copy in which fused ops whose form the target lacks are written in simpler ops."""
    copy = graph.copy()
    for before in copy.nodes():
        node = copy.producer(before.results[0])
        assert node is not None
        spec = None if "." in node.op else spec_of(node.op)
        if spec is None or spec.decompose is None:
            continue
        row = lowering_of(node.op, str(node.attributes.get("form", "")))
        if row and row.opset <= target.opset and (target.contrib or not row.contrib):
            continue
        emit = Emitter.like(copy, node)
        made = spec.decompose(emit, node.operands, node.attributes)
        copy.replace_node(node, (made,) if isinstance(made, Value) else made)
    copy.erase_dead()
    return copy


def mlir_text(program: OnnxProgram) -> Iterator[str]:
    """The text of a lowered model of standard operators, in pieces."""
    return _Module(program).text()


class _Module:
    """One module: numbers the values, knows their types, collects resources."""

    def __init__(self, program: OnnxProgram) -> None:
        self._program = program
        self._model = program.model
        self._types = _types(program)
        self._names: dict[str, str] = {"": "%none"}
        self._resources: dict[str, ParameterSource] = {}

    def text(self) -> Iterator[str]:
        graph = self._model.graph
        arguments = []
        for index, info in enumerate(graph.input):
            self._names[info.name] = f"%arg{index}"
            arguments.append(f"%arg{index}: {self._type(info.name)}")
        results = ", ".join(self._type(info.name) for info in graph.output)
        yield "module {\n"
        yield f"  func.func @main({', '.join(arguments)}) -> ({results}) attributes {{\n"
        yield f"    {self._meta()}}} {{\n"
        yield "    %none = torch.constant.none\n"
        for index, (name, source) in enumerate(self._program.initializers):
            yield self._constant(index, name, source)
        for index, node in enumerate(graph.node):
            yield self._operation(index, node)
        returned = ", ".join(self._names[info.name] for info in graph.output)
        yield f"    return {returned} : {results}\n  }}\n}}\n"
        yield from self._resource_section()

    def _meta(self) -> str:
        model = self._model
        return (
            f"torch.onnx_meta.ir_version = {model.ir_version} : si64, "
            f"torch.onnx_meta.opset_version = {model.opset_import[0].version} : si64, "
            f"torch.onnx_meta.producer_name = {quoted(model.producer_name)}, "
            f"torch.onnx_meta.producer_version = {quoted(model.producer_version)}"
        )

    def _constant(self, place: int, name: str, source: ParameterSource) -> str:
        header = tensor_header(name, source)
        type = f"tensor<{'x'.join([*map(str, header.dims), ELEMENTS[header.data_type]])}>"
        if np.prod(header.dims) <= INLINE_ELEMENTS or source.type.dtype is DType.BOOL:
            content = np.frombuffer(b"".join(raw_blocks(source)), source.type.dtype.numpy)
            value = f"dense<{_elements(content.reshape(tuple(header.dims)))}>"
        else:
            self._resources[f"weight{place}"] = source
            value = f"dense_resource<weight{place}>"
        self._names[name] = f"%constant{place}"
        return (
            f'    %constant{place} = torch.operator "onnx.Constant"() '
            f"{{torch.onnx.value = {value} : {type}}} : () -> {self._type(name)} "
            f"loc({quoted(name)})\n"
        )

    def _operation(self, place: int, node: onnx.NodeProto) -> str:
        if node.domain:
            raise fault("E0607", f"MLIR text cannot hold {node.domain}.{node.op_type}")
        outputs = [name for name in node.output if name]
        base = f"%{place}"
        operands = ", ".join(self._names[name] for name in node.input)
        taken = ", ".join(self._type(name) if name else "!torch.none" for name in node.input)
        for index, name in enumerate(outputs):
            self._names[name] = base if len(outputs) == 1 else f"{base}#{index}"
        given = ", ".join(self._type(name) for name in outputs)
        result = base if len(outputs) == 1 else f"{base}:{len(outputs)}"
        given = given if len(outputs) == 1 else f"({given})"
        attributes = ", ".join(_attribute(each) for each in node.attribute)
        braces = f" {{{attributes}}}" if attributes else ""
        return (
            f'    {result} = torch.operator "onnx.{node.op_type}"({operands}){braces} : '
            f"({taken}) -> {given} {_location(node)}\n"
        )

    def _type(self, name: str) -> str:
        tensor = self._types.get(name)
        if tensor is None or not tensor.HasField("shape"):
            raise fault("E0607", f"the type of {name!r} is not known, which MLIR text needs")
        dims = [
            str(dim.dim_value) if dim.HasField("dim_value") else "?" for dim in tensor.shape.dim
        ]
        return f"!torch.vtensor<[{','.join(dims)}],{ELEMENTS[tensor.elem_type]}>"

    def _resource_section(self) -> Iterator[str]:
        if not self._resources:
            return
        yield "\n{-#\n  dialect_resources: {\n    builtin: {\n"
        for position, (name, source) in enumerate(self._resources.items()):
            yield ",\n" if position else ""
            yield f'      {name}: "0x{RESOURCE_ALIGNMENT}'
            for block in raw_blocks(source):
                yield block.hex().upper()
            yield '"'
        yield "\n    }\n  }\n#-}\n"


def _types(program: OnnxProgram) -> dict[str, onnx.TypeProto.Tensor]:
    """The type of every tensor, by ONNX's inference."""
    model = onnx.ModelProto()
    model.CopyFrom(program.model)
    for name, source in program.initializers:
        tensor = tensor_header(name, source)
        if nbytes(source) <= INFERRED_BYTES:
            tensor.raw_data = b"".join(raw_blocks(source))
        model.graph.initializer.append(tensor)
    graph = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    types = {
        info.name: info.type.tensor_type
        for info in (*graph.input, *graph.output, *graph.value_info)
    }
    for tensor in graph.initializer:
        kind = types.setdefault(tensor.name, onnx.TypeProto.Tensor(elem_type=tensor.data_type))
        kind.shape.ClearField("dim")
        for size in tensor.dims:
            kind.shape.dim.add().dim_value = size
        kind.shape.SetInParent()
    return types


def _attribute(attribute: AttributeProto) -> str:
    name = f"torch.onnx.{attribute.name}"
    if attribute.type == AttributeProto.INT:
        return f"{name} = {attribute.i} : si64"
    if attribute.type == AttributeProto.FLOAT:
        return f"{name} = {number(np.float32(attribute.f))} : f32"
    if attribute.type == AttributeProto.STRING:
        return f"{name} = {quoted(attribute.s.decode())}"
    if attribute.type == AttributeProto.INTS:
        return f"{name} = [{', '.join(f'{each} : si64' for each in attribute.ints)}]"
    raise fault("E0607", f"MLIR text cannot hold the attribute {attribute.name!r}")


def _elements(content: np.ndarray[Any, Any]) -> str:
    if content.ndim:
        return f"[{', '.join(_elements(part) for part in content)}]"
    if content.dtype == bool:
        return "true" if content else "false"
    element: Any = content[()]
    return number(element) if content.dtype.kind == "f" else str(element)


def number(value: np.floating[Any]) -> str:
    """A float in decimals where they are exact, its bits otherwise; MLIR wants a point in it."""
    text = np.format_float_scientific(value, unique=True, trim="0")
    with np.errstate(over="ignore"):
        exact = np.isfinite(value) and value.dtype.type(float(text)) == value
    if exact:
        return text
    return f"0x{value.tobytes()[::-1].hex().upper()}"


def quoted(text: str) -> str:
    """A string of MLIR: bytes that are not plain are written as two hexadecimal digits."""
    plain_text = "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\{byte:02X}"
        for byte in text.encode()
    )
    return f'"{plain_text}"'


def _location(node: onnx.NodeProto) -> str:
    """The node's name and its first place in the source."""
    for entry in node.metadata_props:
        place = re.match(r"(.*?):(\d+):(\d+)", entry.value)
        if entry.key == "source" and place:
            file, line, column = place.groups()
            return f"loc({quoted(node.name)}({quoted(file)}:{line}:{column}))"
    return f"loc({quoted(node.name)})"
