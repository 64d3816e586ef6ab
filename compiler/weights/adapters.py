"""Whose names a weights file uses: ours, or those of another library's checkpoints.

In: the weights of a graph, and a checkpoint's tensors. Out: a source for each weight. One family of
checkpoints a file; `ADAPTERS` lists them for `--weights-from`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .bert import from_bert
from .checkpoint import Checkpoint, Weight

Adapter = Callable[[Sequence[Weight], Checkpoint], None]
"""Settles every weight with the checkpoint's tensors; what does not fit is left noted there."""

ADAPTERS: dict[str, Adapter] = {"bert": from_bert}
"""The checkpoints of other libraries that can be read, by the name `--weights-from` takes."""
