"""Sizes that are known only when the model runs, as ONNX tensors.

In: symbolic dimensions. Out: names of int64 tensors that hold them, computed once each from the
shapes of the model's inputs and of what is counted.
"""

from __future__ import annotations

from ..ir.dim import Atom, Dim, Shape, Symbol, SymbolicDim
from ..ir.spec import spec_of
from .onnx_writer import OnnxWriter, fault


def size(w: OnnxWriter, dim: Dim) -> str:
    """The name of a vector of one int64: the dimension.

    Raises `CompileError` E0602 for a symbol that is neither a dimension of an input nor counted.
    """
    if isinstance(dim, int):
        return w.ints([dim])
    cache = w.sizes
    if dim not in cache:
        cache[dim] = _compute(w, dim)
    return cache[dim]


def scalar_size(w: OnnxWriter, dim: Dim) -> str:
    """The same as a scalar."""
    cache = w.sizes
    if ("scalar", dim) not in cache:
        cache["scalar", dim] = w.shared(f"size/{dim}/scalar", "Squeeze", size(w, dim))
    return cache["scalar", dim]


def shape(w: OnnxWriter, dims: Shape) -> str:
    """The name of an int64 vector of all the dimensions."""
    numbers = [dim for dim in dims if isinstance(dim, int)]
    if len(numbers) == len(dims):
        return w.ints(numbers)
    if len(dims) == 1:
        return size(w, dims[0])
    cache = w.sizes
    if dims not in cache:
        parts = [size(w, dim) for dim in dims]
        text = ",".join(str(dim) for dim in dims)
        cache[dims] = w.shared(f"shape/{text}", "Concat", *parts, axis=0)
    return cache[dims]


def reshape_target(w: OnnxWriter, before: Shape, after: Shape) -> str:
    """The second operand of a Reshape: a constant where one is enough.

    0 copies the dimension at the same place, one -1 is what remains; only with two dimensions
    left to say is the shape computed.
    """
    found: list[Dim | None] = []
    for place, dim in enumerate(after):
        if isinstance(dim, int):
            found.append(dim)
        elif place < len(before) and before[place] == dim:
            found.append(0)
        else:
            found.append(None)
    if found.count(None) > 1:
        return shape(w, after)
    return w.ints([-1 if dim is None else dim for dim in found if not isinstance(dim, SymbolicDim)])


def _compute(w: OnnxWriter, dim: SymbolicDim) -> str:
    total = ""
    for monomial, coefficient in dim.terms:
        term = "" if coefficient != 1 or not monomial else _atom(w, monomial[0])
        rest = monomial[1:] if term else monomial
        term = term or w.ints([coefficient])
        for atom in rest:
            term = w.shared(f"size/{dim}/mul", "Mul", term, _atom(w, atom))
        total = w.shared(f"size/{dim}/add", "Add", total, term) if total else term
    return total


def _atom(w: OnnxWriter, atom: Atom) -> str:
    if not isinstance(atom, Symbol):
        dividend = size(w, atom.dividend)
        return w.shared(f"size/{atom}", "Div", dividend, w.ints([atom.divisor]))
    wanted = SymbolicDim((((atom,), 1),))
    cache = w.sizes
    if atom not in cache:
        tensor, axis = _where_known(w, wanted)
        cache[atom] = w.shared(f"size/{atom}", "Shape", tensor, start=axis, end=axis + 1)
    return cache[atom]


def _where_known(w: OnnxWriter, symbol: SymbolicDim) -> tuple[str, int]:
    """A tensor and its axis that is as long as the symbol: an input's, or the op's that counts."""
    for value in w.graph.inputs:
        if symbol in value.type.shape:
            return value.name, value.type.shape.index(symbol)
    for node in w.graph.nodes():
        counted = "" if "." in node.op else spec_of(node.op).counts
        if counted and node.attributes[counted] == symbol:
            return w.read(node.results[0]), 0
    message = f"the size {symbol} is not a dimension of an input, so it cannot be computed"
    raise fault("E0602", message)
