"""A model as a stream of bytes, its tensors' content produced one at a time.

In: a ModelProto without initializers, headers of tensors and their content. Out: chunks of the
serialized model.

Protobuf's own serializer needs all weights in memory, twice. Its wire format is simple enough to
be written piecewise: a message is a sequence of fields, a nested message a field with a length in
front (protobuf.dev, "Encoding"); the lengths follow from the sizes of the tensors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import onnx

MODEL_GRAPH = onnx.ModelProto.DESCRIPTOR.fields_by_name["graph"].number
GRAPH_INITIALIZER = onnx.GraphProto.DESCRIPTOR.fields_by_name["initializer"].number
TENSOR_RAW_DATA = onnx.TensorProto.DESCRIPTOR.fields_by_name["raw_data"].number

Chunk = bytes | memoryview


def varint(number: int) -> bytes:
    """An unsigned number in groups of seven bits, the lowest first."""
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def field(number: int, length: int) -> bytes:
    """What stands before the content of a field that has a length."""
    return varint(number << 3 | 2) + varint(length)


class ModelStream:
    """The serialized form of `model` with tensors appended to its graph's initializers.

    `tensors` are TensorProtos without `raw_data`, each with the number of bytes of its content;
    None for one whose content lies in another file.
    """

    def __init__(
        self, model: onnx.ModelProto, tensors: Iterable[tuple[onnx.TensorProto, int | None]]
    ) -> None:
        shell = onnx.ModelProto()
        shell.CopyFrom(model)
        self._graph = shell.graph.SerializeToString(deterministic=True)
        shell.ClearField("graph")
        self._heads: list[bytes] = []
        inside = len(self._graph)
        for tensor, length in tensors:
            head = tensor.SerializeToString(deterministic=True)
            whole = len(head)
            if length is not None:
                head += field(TENSOR_RAW_DATA, length)
                whole = len(head) + length
            self._heads.append(field(GRAPH_INITIALIZER, whole) + head)
            inside += len(self._heads[-1]) + (length or 0)
        self._shell = shell.SerializeToString(deterministic=True) + field(MODEL_GRAPH, inside)
        self.nbytes = len(self._shell) + inside
        """The size of the whole model."""

    def chunks(self, contents: Iterable[Iterator[Chunk]]) -> Iterator[Chunk]:
        """The bytes, given each tensor's content in order; nothing for one that lies elsewhere."""
        yield self._shell
        yield self._graph
        for head, content in zip(self._heads, contents, strict=True):
            yield head
            yield from content
