"""Opens what was just compiled, before anybody has saved it.

In: a lowered program and a folder that its files may lie in. Out: a session in ONNX Runtime.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..lowering.onnx_program import OnnxProgram
    from ..runtime.session import Session

INLINE_BYTES = 64 << 20
"""A model whose weights are larger is opened from a file, not from memory."""


def open_program(
    program: OnnxProgram, folder: Path, provider: str, options: dict[str, Any] | None
) -> Session:
    """A session of a lowered program: from memory, or where it is large from a file in `folder`,
    which the runtime maps and which must live as long as the session."""
    from ..lowering.weights import save, to_bytes
    from ..runtime.session import open_session

    if program.weight_bytes <= INLINE_BYTES:
        return open_session(to_bytes(program), provider=provider, options=options)
    path = Path(tempfile.mkdtemp(dir=folder)) / "model.onnx"
    save(program, path, external="auto")
    return open_session(path, provider=provider, options=options)
