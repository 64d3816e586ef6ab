"""The texts of documents, line for line as the protocol counts them.

In: what editors send. Out: the text of each document, also of one that no editor has opened.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pygls.workspace import TextDocument, Workspace

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


class Document(TextDocument):
    """A text whose lines end where the protocol says: at `\\n`, `\\r\\n` and `\\r`, not at a form
    feed or a U+2028 as well, behind which every change would go to the wrong line."""

    @property
    def lines(self) -> Sequence[str]:
        return tuple(_LINE.findall(self.source))

    @property
    def source(self) -> str:
        """The text; that of a file which cannot be read is empty."""
        try:
            return super().source
        except (OSError, ValueError):
            return ""


def use_documents(workspace: Workspace) -> None:
    """Lets a workspace keep its texts as `Document` values."""

    def create(
        doc_uri: str,
        source: str | None = None,
        version: int | None = None,
        language_id: str | None = None,
    ) -> Document:
        given: dict[str, Any] = {"source": source, "version": version, "language_id": language_id}
        codec = workspace.position_codec
        return Document(doc_uri, **given, sync_kind=workspace._sync_kind, position_codec=codec)

    workspace._create_text_document = create  # type: ignore[method-assign]
