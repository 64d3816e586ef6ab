"""The pen that the families write ONNX nodes with: names, constants, casts, places.

In: a graph's values, one node at a time. Out: NodeProtos and initializers. It keeps every tensor
name unique, every constant once, and half precision where `precision.py` puts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from onnx import helper

from ..ir.diagnostic import CompileError, Diagnostic, ExitStatus, Severity
from ..ir.dtype import DType
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.parameter import Computed, Literal, ParameterSource
from ..ir.target import Target
from ..ir.type import TensorType
from ..ir.value import Value
from .onnx_program import ONNX_TYPES
from .precision import computed_in

CONTRIB = "com.microsoft"
LAST_INDEX = np.iinfo(np.int64).max
"""As the end of a Slice: all that there is."""


class OnnxWriter:
    """Writes one graph for one target.

    A family's function reads its operands from `operands` (ONNX names, "" for an absent one),
    writes intermediate nodes with `step` and ends with `result`.
    """

    def __init__(self, graph: Graph, target: Target) -> None:
        self.graph = graph
        self.target = target
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, ParameterSource] = {}
        self.dtypes: dict[Value, DType] = {}
        """What each written value is computed in, where that is not its type in the graph."""
        self.sizes: dict[object, str] = {}
        """Sizes known only at run time that are written already: runtime_shapes.py."""
        self.operands: list[str] = []
        self.float: DType = target.float_dtype
        """What the present node computes the graph's float32 in."""
        self._names: dict[Value, str] = {}
        self._taken: set[str] = set()
        self._casts: dict[tuple[str, DType], str] = {}
        self._known: dict[ParameterSource, str] = {}
        self._node_names: set[str] = set()
        self._next: dict[str, int] = {}
        self._node: Node | None = None
        self._node_name = ""
        self._reserve()

    # ---- one node -------------------------------------------------------------------------

    def begin(self, node: Node) -> None:
        """Turns to a node: decides its precision, reads its operands, names it."""
        self._node = node
        self._node_name = self._fresh_node(f"{node.scope}/{node.op}" if node.scope else node.op)
        given = [
            self.dtype_of(value)
            for value in node.operands
            if value is not None and value.type.dtype.is_float and not self.graph.source(value)
        ]
        self.float = computed_in(node.op, self.target.float_dtype, given)
        self.operands = [self.read(value) for value in node.operands]

    def read(self, value: Value | None, dtype: DType | None = None) -> str:
        """A value's tensor name, in what the present node computes floats in, or in `dtype`."""
        if value is None:
            return ""
        wanted = dtype or self.narrowed(value.type.dtype)
        source = self.graph.source(value)
        if source is not None:
            return self.initializer(value.name, converted(source, wanted))
        name = self._names[value]
        return name if self.dtype_of(value) is wanted else self.cast(name, wanted)

    def step(
        self, op: str, *inputs: str, domain: str = "", suffix: str = "", **attributes: Any
    ) -> str:
        """Writes a node with one intermediate result and returns its tensor's name."""
        name = self._fresh_node(f"{self._node_name}/{suffix or op.lower()}")
        output = self._fresh(name)
        self._write(op, inputs, (output,), name, domain, attributes)
        return output

    def steps(self, op: str, *inputs: str, count: int, **attributes: Any) -> list[str]:
        """Writes a node with several intermediate results and returns their tensors' names."""
        name = self._fresh_node(f"{self._node_name}/{op.lower()}")
        outputs = [self._fresh(f"{name}:{index}") for index in range(count)]
        self._write(op, inputs, outputs, name, "", attributes)
        return outputs

    def result(
        self,
        op: str,
        *inputs: str,
        domain: str = "",
        absent: int = 0,
        unused: int = 0,
        **attributes: Any,
    ) -> None:
        """Writes the node that makes the results of the present IR node.

        `absent` is how many outputs, left out, stand between the first and the second result,
        `unused` how many behind the results must have a name though nothing reads them.
        """
        node = self.node
        outputs = [self.name_result(value, self.float) for value in node.results]
        outputs[1:1] = [""] * absent
        outputs += [self._fresh(f"{self._node_name}:unused") for _ in range(unused)]
        self._write(op, inputs, outputs, self._node_name, domain, attributes)

    def result_of(self, value: Value, op: str, *inputs: str, **attributes: Any) -> str:
        """Writes the node that makes one of several results and returns its tensor's name."""
        name = self.name_result(value, self.float)
        node = self._fresh_node(f"{self._node_name}/{op.lower()}")
        self._write(op, inputs, (name,), node, "", attributes)
        return name

    @property
    def node(self) -> Node:
        assert self._node is not None
        return self._node

    def name_result(self, value: Value, dtype: DType) -> str:
        """The tensor's name of a result; it is computed in `dtype` where the graph says float32."""
        dtype = dtype if value.type.dtype is DType.F32 else value.type.dtype
        if dtype is not value.type.dtype:
            self.dtypes[value] = dtype
        name = self._names.get(value)
        if name is None or dtype is not value.type.dtype:
            several = len(self.node.results) > 1
            index = self.node.results.index(value)
            name = self._fresh(f"{self._node_name}:{index}" if several else self._node_name)
            self._names[value] = name
        return name

    # ---- constants ------------------------------------------------------------------------

    def initializer(self, wish: str, source: ParameterSource) -> str:
        """The name of the initializer with that content; a new one is called as wished."""
        name = self._known.get(source)
        if name is None:
            name = self._fresh(wish)
            self._known[source] = name
            self.initializers[name] = source
        return name

    def ints(self, values: Sequence[int]) -> str:
        """A vector of int64."""
        array = np.array(values, dtype=np.int64)
        text = ",".join(str(each) for each in values)
        source = Literal(TensorType(DType.I64, (len(values),)), array)
        return self.initializer(f"i64[{text}]", source)

    def scalar(self, number: float, dtype: DType | None = None) -> str:
        """A scalar, of what the present node computes floats in unless `dtype` says otherwise."""
        dtype = dtype or self.float
        source = Literal(TensorType(dtype, ()), np.array(number, dtype=dtype.numpy))
        return self.initializer(f"{dtype}({number:g})", source)

    def ones(self, size: int) -> str:
        """A vector of ones, the gain of a norm without one."""
        return self.filled(size, 1.0, f"ones({size})")

    def filled(self, size: int, number: float, wish: str = "") -> str:
        """A vector of one number."""
        content = np.full(size, number, dtype=self.float.numpy)
        source = Literal(TensorType(self.float, (size,)), content)
        return self.initializer(wish or f"{number:g}({size})", source)

    def floats(self, values: Sequence[float]) -> str:
        """A vector of float32, which some operators take sizes and scales in."""
        array = np.array(values, dtype=np.float32)
        text = ",".join(f"{each:g}" for each in values)
        return self.initializer(
            f"f32[{text}]", Literal(TensorType(DType.F32, (len(values),)), array)
        )

    # ---- types ----------------------------------------------------------------------------

    def narrowed(self, dtype: DType) -> DType:
        """The type that the present node computes the graph's `dtype` in."""
        return self.float if dtype is DType.F32 else dtype

    def dtype_of(self, value: Value) -> DType:
        """What a value that is already written is held in."""
        return self.dtypes.get(value, value.type.dtype)

    def cast(self, name: str, dtype: DType) -> str:
        """The tensor as another type; the conversion is written once and shared."""
        key = (name, dtype)
        if key not in self._casts:
            node = self._fresh_node(f"{name}/{dtype}")
            self._casts[key] = self._fresh(node)
            to = ONNX_TYPES[dtype]
            self._write("Cast", (name,), (self._casts[key],), node, "", {"to": to})
        return self._casts[key]

    # ---- outside nodes --------------------------------------------------------------------

    def shared(self, name: str, op: str, *inputs: str, **attributes: Any) -> str:
        """Writes a node that belongs to no layer, such as a size that many nodes ask for."""
        name = self._fresh_node(name)
        output = self._fresh(name)
        before, self._node = self._node, None
        self._write(op, inputs, (output,), name, "", attributes)
        self._node = before
        return output

    def finish_outputs(self) -> None:
        """Writes what gives the model's outputs their names and types where no node did."""
        self._node = None
        for name, value in self.graph.outputs.items():
            if self.graph.producer(value) is not None and self._names.get(value) == name:
                continue
            wanted = value.type.dtype
            source = self.graph.source(value)
            read = self.initializer(value.name, source) if source else self._names[value]
            held = wanted if source else self.dtype_of(value)
            node = self._fresh_node(f"{name}/output")
            if held is wanted:
                self._write("Identity", (read,), (name,), node, "", {})
            else:
                self._write("Cast", (read,), (name,), node, "", {"to": ONNX_TYPES[wanted]})

    def value_names(self) -> dict[Value, str]:
        """The tensor that holds each written value."""
        return dict(self._names)

    # ---- inside ---------------------------------------------------------------------------

    def _reserve(self) -> None:
        """Inputs and outputs keep their names; a node that makes an output writes it directly."""
        for value in self.graph.inputs:
            self._names[value] = self._claim(value.name)
        for name, value in self.graph.outputs.items():
            if name in self._taken:
                message = f"an input and an output of the model are both called {name!r}"
                raise fault("E0606", message)
            self._claim(name)
            if self.graph.producer(value) is not None:
                self._names.setdefault(value, name)

    def _claim(self, name: str) -> str:
        self._taken.add(name)
        return name

    def _fresh(self, wish: str) -> str:
        return self._claim(self._unique(wish, self._taken))

    def _fresh_node(self, wish: str) -> str:
        name = self._unique(wish, self._node_names)
        self._node_names.add(name)
        return name

    def _unique(self, wish: str, taken: set[str]) -> str:
        name = wish
        while name in taken:
            self._next[wish] = self._next.get(wish, 0) + 1
            name = f"{wish}_{self._next[wish]}"
        return name

    def _write(
        self,
        op: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        name: str,
        domain: str,
        attributes: dict[str, Any],
    ) -> None:
        while inputs and not inputs[-1]:
            inputs = inputs[:-1]
        node = helper.make_node(op, inputs, outputs, name=name, domain=domain, **attributes)
        if self._node is not None and self._node.spans:
            entry = node.metadata_props.add()
            entry.key, entry.value = "source", "; ".join(str(span) for span in self._node.spans)
        self.nodes.append(node)


def converted(source: ParameterSource, dtype: DType) -> ParameterSource:
    """The same content as another element type."""
    if source.type.dtype is dtype:
        return source
    type = replace(source.type, dtype=dtype)
    if isinstance(source, Literal) and source.array.size <= 1:
        with np.errstate(over="ignore"):
            return Literal(type, source.array.astype(dtype.numpy))
    return Computed(type, "cast", {"to": dtype}, (source,))


def fault(code: str, message: str) -> CompileError:
    """A fault of the compiler: a graph arrived here that cannot be written for the target."""
    return CompileError((Diagnostic(code, Severity.ERROR, message),), ExitStatus.COMPILER_FAULT)
