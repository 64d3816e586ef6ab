"""The words of the language and how messages speak of the grammar's terminals.

In: names of terminals, pieces of a program. Out: the keywords and sections, phrases for sets of
terminals, quotations.
"""

from __future__ import annotations

DECLARATIONS = ("network", "define", "macro", "research")
VALUE_SECTIONS = (
    "input", "inputs", "layers", "loss", "metrics", "lr_schedule", "optimizer",
)  # fmt: skip
BLOCK_SECTIONS = ("train", "training", "execution", "execute", "hpo")
SECTIONS = (*VALUE_SECTIONS, *BLOCK_SECTIONS)

SECTION_TERMINALS = frozenset(
    (
        "INPUT", "INPUTS", "LAYERS", "LOSS", "METRICS", "LR_SCHEDULE", "OPTIMIZER",
        "TRAIN", "TRAINING", "EXECUTION", "EXECUTE", "HPO_SECTION",
    )
)  # fmt: skip
DECLARATION_TERMINALS = frozenset({"NETWORK", "DEFINE", "MACRO", "RESEARCH"})
VALUE_TERMINALS = frozenset(
    ["NUMBER", "STRING", "TRUE", "FALSE", "NONE", "DOLLAR_NAME", "HPO", "LPAR", "LSQB", "MINUS"]
)
_MARKS = {
    "LBRACE": "`{`", "RBRACE": "`}`", "LPAR": "`(`", "RPAR": "`)`", "LSQB": "`[`", "RSQB": "`]`",
    "COLON": "`:`", "SEMICOLON": "`;`", "COMMA": "`,`", "EQUAL": "`=`", "AT": '`@"device"`',
    "PLUS": "`+`", "MINUS": "`-`", "STAR": "`*`", "SLASH": "`/`", "SHAPE": "a shape",
    "RESEARCH_TEXT": "text", "$END": "the end of the file", "STRING": "a string",
    "NUMBER": "a number", "NONE": "`None`", "HPO": "`HPO(…)`", "DOLLAR_NAME": "`$name`",
    "TRUE": "`true`", "FALSE": "`false`",
}  # fmt: skip

PYTHON = {
    "import": "a program has no imports: the layers are there",
    "from": "a program has no imports: the layers are there",
    "class": "a network is declared with `network NAME { … }`, a part of one with `define NAME(…)`",
    "def": "a part of a network is declared with `define NAME(…) { … }`",
    "for": "repeat a layer or a macro with `* N`",
    "while": "repeat a layer or a macro with `* N`",
    "if": "a program has no conditions: write two networks",
    "return": "the last layer is the output",
    "lambda": 'a calculation is written in quotes: `Lambda("x * 2")`',
}
"""Words of Python and what is written instead."""

_MAX_QUOTED = 60


def quoted(text: str) -> str:
    """A program's own text as messages quote it, cut where it is too long to be read."""
    return f"`{text}`" if len(text) <= _MAX_QUOTED else f"`{text[:_MAX_QUOTED]}…`"


def in_words(accepts: frozenset[str]) -> str:
    """The terminals in words: kinds of things first, then marks, at most six."""
    rest = set(accepts)
    words: list[str] = []

    def take(group: frozenset[str], word: str) -> None:
        if group <= rest:
            rest.difference_update(group)
            words.append(word)

    if rest >= {"NETWORK", "RBRACE"}:  # only a setting can be named by any keyword
        rest -= DECLARATION_TERMINALS | SECTION_TERMINALS | {"NAME"}
        words.append("a setting")
    is_value = rest >= VALUE_TERMINALS
    take(VALUE_TERMINALS | {"NAME", "LBRACE"}, "a value")
    take(DECLARATION_TERMINALS, "a declaration like `network`")
    take(SECTION_TERMINALS, "a section")
    if "NAME" in rest:
        rest.discard("NAME")
        if "EQUAL" not in rest and not is_value and rest & {"STAR", "RBRACE", "$END"}:
            words.append("a layer")
        else:
            words.append("a name")
    words += [phrase for terminal, phrase in _MARKS.items() if terminal in rest]
    # Operators can follow every value; nobody who forgot something meant them.
    words = [w for w in words if w not in ("`+`", "`-`", "`*`", "`/`")] or words
    words = words[:6]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
