"""The pages that explain messages: docs/errors, which the package carries.

In: a code. Out: its page in Markdown, and the programs on it.
"""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "errors"


def page_of(code: str) -> str | None:
    """The page of a code; None where this installation carries none."""
    try:
        return (FOLDER / f"{code}.md").read_text("utf-8")
    except OSError:
        return None


def example_in(page: str, kind: str) -> dict[str, str] | None:
    """The `failing` or `mended` example of a page: its language (`neural` for a program, `console`
    for commands), the command line's options that a program needs, and its text."""
    found = re.search(rf"^```(neural|console) {kind}(.*)\n((?:.*\n)*?)```$", page, re.MULTILINE)
    if found is None:
        return None
    return {"language": found[1], "options": found[2].strip(), "text": found[3]}


def readable(page: str) -> str:
    """A page with headings for its examples, whose kind stands in the blocks' first lines only."""
    titles = {"failing": "This fails", "mended": "This is right"}

    def titled(found: re.Match[str]) -> str:
        language, kind, options = found[1], found[2], found[3].strip()
        option = f", with `{options}`" if options else ""
        return f"**{titles[kind]}{option}:**\n\n```{language}"

    page = re.sub(r"^```(neural|console) (failing|mended)(.*)$", titled, page, flags=re.MULTILINE)
    page = re.sub(r"^```neural (\w+\.neural)$", r"`\1`:\n\n```neural", page, flags=re.MULTILINE)
    return re.sub(r"\n*^Tested by .*\n", "\n", page, flags=re.MULTILINE)
