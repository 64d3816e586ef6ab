"""The words of the language and how messages speak of the grammar's terminals.

In: names of terminals, words of a program. Out: phrases, and the keyword that a misspelled word is
nearest to.
"""

from __future__ import annotations

from difflib import get_close_matches

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


def in_words(accepts: frozenset[str]) -> str:
    """The terminals in words: kinds of things first, then marks, at most six."""
    rest = set(accepts)
    words: list[str] = []

    def take(group: frozenset[str], word: str) -> None:
        if group <= rest:
            rest.difference_update(group)
            words.append(word)

    is_value = rest >= VALUE_TERMINALS
    take(VALUE_TERMINALS | {"NAME", "LBRACE"}, "a value")
    take(DECLARATION_TERMINALS, "a declaration like `network`")
    take(SECTION_TERMINALS, "a section")
    if "NAME" in rest:
        rest.discard("NAME")
        layers = "STAR" in rest or "RBRACE" in rest or "$END" in rest
        words.append("a layer" if layers and not is_value and "EQUAL" not in rest else "a name")
    words += [_MARKS.get(t, t.lower()) for t in _MARKS if t in rest]
    words = words[:6]
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} or {words[-1]}"


def nearest(word: str, candidates: tuple[str, ...]) -> str | None:
    close = get_close_matches(word.lower(), candidates, n=1, cutoff=0.7)
    return close[0] if close else None
