"""The graph: values and nodes, and the only ways to change them.

In: nodes and values. Out: `Graph`. The only file that imports networkx, which holds the structure
(one graph node a node, an edge from each producer to each of its users); use lists and types are
plain indexed fields beside it. Nodes and values are immutable and shared between copies, so a copy
costs its tables only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import networkx as nx

from .dim import Symbol, symbols_of
from .node import Attribute, Node
from .parameter import ParameterSource
from .span import Span
from .spec import InferenceError, spec_of
from .type import TensorType
from .value import Kind, Value


class Graph:
    """A function from input tensors to named outputs.

    `inputs` and `outputs` are its interface: an input's value name is the model's input name;
    `outputs` maps the model's output names to values. `metadata` goes into the compiled file.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.inputs: list[Value] = []
        self.outputs: dict[str, Value] = {}
        self.metadata: dict[str, str] = {}
        self._structure = nx.DiGraph()
        self._nodes: dict[int, Node] = {}
        self._producers: dict[Value, int] = {}
        self._uses: dict[Value, dict[tuple[int, int], None]] = {}
        self._sources: dict[Value, ParameterSource] = {}
        self._names: set[str] = set()
        self._keys: dict[Node, int] = {}
        self._next_key = 0
        self._next_suffix: dict[str, int] = {}
        self._order: tuple[Node, ...] | None = None
        self._ordered_for: tuple[Value, ...] = ()

    # ---- building -------------------------------------------------------------------------

    def add_input(self, name: str, type: TensorType) -> Value:
        """A new input. Raises `ValueError` where the name is taken."""
        value = self._new_value(name, type, Kind.ACTIVATION, exact=True)
        self.inputs.append(value)
        return value

    def add_source(self, name: str, source: ParameterSource, kind: Kind) -> Value:
        """A new constant, parameter or state; a taken name gets a number behind it."""
        value = self._new_value(name, source.type, kind)
        self._sources[value] = source
        return value

    def set_source(self, value: Value, source: ParameterSource) -> None:
        """Gives a constant, parameter or state another content of the same type."""
        if source.type != value.type:
            raise ValueError(f"{value} is {value.type}, the new source {source.type}")
        self._sources[value] = source

    def add(
        self,
        op: str,
        operands: Sequence[Value | None],
        attributes: Mapping[str, Attribute] | None = None,
        *,
        spans: tuple[Span, ...] = (),
        scope: str = "",
        names: Sequence[str] = (),
        types: tuple[TensorType, ...] | None = None,
        regions: tuple[Graph, ...] = (),
    ) -> Node:
        """Adds a node; its result types are inferred. `names` are wishes for the results' names.

        Absent operands at the end may be left out; the node holds None for them.

        A foreign op (its name has a dot, e.g. `onnx.Einsum`) passes through opaque and gives its
        result `types`. Raises `InferenceError` where the op cannot take the operands.
        """
        operands = tuple(operands)
        for operand in operands:
            if operand is not None and operand not in self._uses:
                raise InferenceError(f"{operand} is not a value of graph {self.name!r}")
        if "." in op:
            if types is None:
                raise InferenceError(f"the foreign op {op!r} needs its result types")
            complete = dict(attributes or {})
        else:
            spec = spec_of(op)
            operands = spec.arrange(operands)
            complete = spec.complete(attributes or {})
            inferred = spec.infer([o.type if o is not None else None for o in operands], complete)
            if types is not None and types != inferred:
                found, expected = (", ".join(map(str, each)) for each in (inferred, types))
                raise InferenceError(f"{op} gives {found}, not {expected}")
            types = inferred
        results = tuple(
            self._new_value(names[i] if i < len(names) else op, type, Kind.ACTIVATION)
            for i, type in enumerate(types)
        )
        node = Node(op, operands, results, complete, spans, scope, regions)
        key = self._next_key
        self._next_key += 1
        self._structure.add_node(key)
        for result in results:
            self._producers[result] = key
        self._place(key, node)
        return node

    def fresh_name(self, wish: str) -> str:
        """`wish`, or `wish_1`, `wish_2` … if it is taken."""
        if wish not in self._names:
            return wish
        number = self._next_suffix.get(wish, 1)
        while f"{wish}_{number}" in self._names:
            number += 1
        self._next_suffix[wish] = number + 1
        return f"{wish}_{number}"

    # ---- asking ---------------------------------------------------------------------------

    def producer(self, value: Value | None) -> Node | None:
        """The node that makes a value; None for inputs, constants and weights (and for None)."""
        key = self._producers.get(value) if value is not None else None
        return None if key is None else self._nodes[key]

    def source(self, value: Value | None) -> ParameterSource | None:
        """The content of a constant, parameter or state; None for anything else."""
        return self._sources.get(value) if value is not None else None

    def uses(self, value: Value) -> list[tuple[Node, int]]:
        """Each (node, operand number) that reads a value, in order of creation."""
        return [(self._nodes[key], index) for key, index in self._uses[value]]

    def users(self, value: Value) -> list[Node]:
        """Each node that reads a value, once."""
        return [self._nodes[key] for key in dict.fromkeys(key for key, _ in self._uses[value])]

    def is_output(self, value: Value) -> bool:
        return any(value is output for output in self.outputs.values())

    def has_one_use(self, value: Value) -> bool:
        """Whether exactly one operand of one node reads the value and it is no output."""
        return len(self._uses[value]) == 1 and not self.is_output(value)

    def __contains__(self, item: Node | Value) -> bool:
        return item in self._keys if isinstance(item, Node) else item in self._uses

    def __len__(self) -> int:
        return len(self._nodes)

    def sources(self) -> Iterator[tuple[Value, ParameterSource]]:
        """Every constant, parameter and state with its content, in order of creation."""
        return iter(list(self._sources.items()))

    def nodes(self) -> list[Node]:
        """Every node, producers before users: depth first from the outputs, dead nodes last.

        The order depends on the structure alone, not on the history of the graph's changes. It is
        kept until the next change; the list is the caller's own.
        """
        # `outputs` is a plain dict that anybody may change, so it is compared and not watched.
        outputs = tuple(self.outputs.values())
        if self._order is None or self._ordered_for != outputs:
            self._order, self._ordered_for = tuple(self._depth_first(outputs)), outputs
        return list(self._order)

    def _depth_first(self, outputs: Sequence[Value]) -> list[Node]:
        order: list[Node] = []
        seen: set[int] = set()

        def visit(root: int) -> None:
            stack: list[tuple[int, Iterator[Value | None]]] = []
            if root not in seen:
                seen.add(root)
                stack.append((root, iter(self._nodes[root].operands)))
            while stack:
                key, operands = stack[-1]
                for operand in operands:
                    producer = self._producers.get(operand) if operand is not None else None
                    if producer is not None and producer not in seen:
                        seen.add(producer)
                        stack.append((producer, iter(self._nodes[producer].operands)))
                        break
                else:
                    order.append(self._nodes[key])
                    stack.pop()

        for output in outputs:
            if output in self._producers:
                visit(self._producers[output])
        for key in list(self._nodes):
            visit(key)
        return order

    def symbols(self) -> dict[str, Symbol]:
        """The symbols of the inputs' shapes by name, in order of appearance."""
        found: dict[str, Symbol] = {}
        for value in self.inputs:
            for each in symbols_of(value.type.shape):
                found.setdefault(each.name, each)
        return found

    def depends(self, node: Node, on: Node) -> bool:
        """Whether `node` needs a result of `on`, directly or through others."""
        return bool(nx.has_path(self._structure, self._keys[on], self._keys[node]))

    def is_acyclic(self) -> bool:
        return bool(nx.is_directed_acyclic_graph(self._structure))

    @property
    def structure(self) -> Any:
        """A read-only networkx view: integer nodes, edges from producers to users."""
        return self._structure.copy(as_view=True)

    # ---- changing -------------------------------------------------------------------------

    def replace_uses(self, old: Value, new: Value) -> None:
        """Every reader of `old`, and every output that is `old`, takes `new` from now on.

        Raises `InferenceError` where the types differ.
        """
        if old is new:
            return
        if old.type != new.type:
            raise InferenceError(f"{old}: {old.type} cannot be replaced by {new}: {new.type}")
        for key in dict.fromkeys(key for key, _ in self._uses[old]):
            node = self._nodes[key]
            operands = tuple(new if operand is old else operand for operand in node.operands)
            self._replace_node(key, replace(node, operands=operands))
        for name, output in self.outputs.items():
            if output is old:
                self.outputs[name] = new

    def replace_node(self, node: Node, results: Sequence[Value]) -> None:
        """Every reader of the node's results takes `results` instead; the node is erased."""
        for old, new in zip(node.results, results, strict=True):
            self.replace_uses(old, new)
        self.erase(self._nodes[self._producers[node.results[0]]])

    def update(self, node: Node, **fields: Any) -> Node:
        """Puts a copy with other `attributes`, `spans`, `scope` or `operands` in the node's place.

        The results stay, so the types must still be right; the verifier checks it.
        """
        key = self._keys[node]
        changed = replace(node, **fields)
        self._replace_node(key, changed)
        return changed

    def erase(self, node: Node) -> None:
        """Removes a node. Raises `ValueError` where a result is still used."""
        for result in node.results:
            if self._uses[result] or self.is_output(result):
                raise ValueError(f"{result} of {node.op} is still used")
        key = self._keys[node]
        self._unplace(key)
        self._structure.remove_node(key)
        del self._nodes[key]
        for result in node.results:
            del self._producers[result], self._uses[result]
            self._names.discard(result.name)

    def erase_dead(self) -> int:
        """Removes every node and every source that no output needs; how many nodes it were."""
        live = {id(node) for node in self._reachable()}
        dead = [node for node in reversed(self.nodes()) if id(node) not in live]
        for node in dead:
            self.erase(node)
        for value in [v for v in self._sources if not self._uses[v] and not self.is_output(v)]:
            del self._sources[value], self._uses[value]
            self._names.discard(value.name)
        return len(dead)

    def copy(self) -> Graph:
        """An independent graph of the same nodes and values."""
        other = Graph(self.name)
        other.inputs = list(self.inputs)
        other.outputs = dict(self.outputs)
        other.metadata = dict(self.metadata)
        other._structure = self._structure.copy()
        other._nodes = dict(self._nodes)
        other._producers = dict(self._producers)
        other._uses = {value: dict(uses) for value, uses in self._uses.items()}
        other._sources = dict(self._sources)
        other._names = set(self._names)
        other._keys = dict(self._keys)
        other._next_key = self._next_key
        other._next_suffix = dict(self._next_suffix)
        other._order, other._ordered_for = self._order, self._ordered_for
        return other

    # ---- inside ---------------------------------------------------------------------------

    def _new_value(self, name: str, type: TensorType, kind: Kind, exact: bool = False) -> Value:
        if exact and name in self._names:
            raise ValueError(f"the name {name!r} is taken")
        value = Value(self.fresh_name(name), type, kind)
        self._names.add(value.name)
        self._uses[value] = {}
        return value

    def _place(self, key: int, node: Node) -> None:
        self._order = None
        self._nodes[key] = node
        self._keys[node] = key
        for index, operand in enumerate(node.operands):
            if operand is not None:
                self._uses[operand][key, index] = None
                producer = self._producers.get(operand)
                if producer is not None:
                    self._structure.add_edge(producer, key)

    def _unplace(self, key: int) -> None:
        self._order = None
        node = self._nodes[key]
        for index, operand in enumerate(node.operands):
            if operand is not None:
                del self._uses[operand][key, index]
        self._structure.remove_edges_from(list(self._structure.in_edges(key)))
        del self._keys[node]

    def _replace_node(self, key: int, node: Node) -> None:
        self._unplace(key)
        self._place(key, node)

    def _reachable(self) -> Iterable[Node]:
        pending = [self._producers[v] for v in self.outputs.values() if v in self._producers]
        seen = set(pending)
        while pending:
            node = self._nodes[pending.pop()]
            yield node
            for operand in node.operands:
                producer = self._producers.get(operand) if operand is not None else None
                if producer is not None and producer not in seen:
                    seen.add(producer)
                    pending.append(producer)
