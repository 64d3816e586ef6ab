"""The codes of messages about source texts and syntax."""

from __future__ import annotations

from .code import Code

CODES = {
    "E0101": Code(
        "empty program",
        "The source has no text, or nothing but blanks and comments. A program has at least one "
        "`network NAME { … }`, or bare layers.",
    ),
    "E0102": Code(
        "nesting too deep",
        "Brackets, blocks and operators may be nested 200 deep. Repeat a layer with `* N`, or "
        "give a part of the network a name with `define`.",
    ),
    "E0103": Code(
        "source is not text",
        "A program is text in UTF-8. The file holds bytes that are not, or NUL characters: it is "
        "another kind of file, or was saved in another encoding.",
    ),
    "E0104": Code(
        "source too large",
        "A source may have 1 MB. Weights and other data do not belong into a program.",
    ),
    "E0105": Code(
        "bracket never closed",
        "A `(`, `[` or `{` has no partner. The message points at the bracket that was left open "
        "and, with a label, at the place where its partner was missed.",
    ),
    "E0106": Code(
        "bracket closes nothing",
        "A `)`, `]` or `}` stands where no bracket of its kind is open.",
    ),
    "E0107": Code(
        "string never closed",
        "A string starts and ends with the same quote, \" or ', on the same line.",
    ),
    "E0108": Code(
        "comment never closed",
        "A comment that starts with `/*` lasts until `*/`. To comment out the rest of a line "
        "write `#` or `//`.",
    ),
    "E0109": Code(
        "stray character",
        "A character that has no meaning in the language stands outside strings and comments.",
    ),
    "E0110": Code(
        "something else was expected",
        "The text is not what can stand at this place. The message says what can.",
    ),
    "E0111": Code(
        "missing comma",
        "Arguments, the items of a list and the dimensions of a shape are separated by commas.",
    ),
    "E0112": Code(
        "misspelled keyword",
        "A word stands where a keyword must stand, and is nearly one: `network`, `define`, "
        "`macro` or `research` at the top of a file, a section's name within a network.",
    ),
    "E0113": Code(
        "missing name",
        "After `network`, `define` and `macro` comes a name: letters, digits and `_`, and no "
        "digit first.",
    ),
    "E0114": Code(
        "section given twice",
        "A network has each of its sections once; `input` and `inputs`, `train` and `training`, "
        "`execution` and `execute` are the same section.",
    ),
    "E0115": Code(
        "given twice after a layer",
        "After a layer may come one block `{ … }`, one repetition `* N` and one device "
        '`@"…"`, each once and in any order.',
    ),
    "E0116": Code(
        "malformed number",
        "A number is written like 64, 0.5 or 1e-4, has no letters in it, and must be small enough "
        "to be held.",
    ),
    "E0117": Code(
        "neither a section nor a branch",
        "A name with a colon among the layers is a branch, and its layers stand in braces: "
        "`left: { … }`. A section that follows the layers must have one of the names of sections.",
    ),
    "E0118": Code(
        "unknown kind of open choice",
        "`HPO(…)` holds one of choice, categorical, range, int_range and log_range.",
    ),
    "E0119": Code(
        "malformed shape",
        "A shape has at least one dimension. Each is a whole number, `None` or a name.",
    ),
    "E0120": Code(
        "missing value",
        "A colon or an equals sign must be followed by a value.",
    ),
}
