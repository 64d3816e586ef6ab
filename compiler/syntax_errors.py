"""Syntax errors in words about Neural programs.

In: the place where the parser stopped, the terminals it would have taken there, and the brackets of
the text. Out: one Diagnostic, and the part of the text to leave out if parsing shall go on.

Each `_…` function below `explain` knows one kind of mistake and answers None where it is another.
They are asked in order: what is certain (an open bracket) before what is guessed (a misspelling).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from ..ir.diagnostic import Diagnostic, Label, Severity
from .brackets import CLOSERS, BracketScan, Fault
from .source import Source
from .tree_builder import no_branch, too_deep

DECLARATIONS = ("network", "define", "macro", "research")
VALUE_SECTIONS = (
    "input", "inputs", "layers", "loss", "metrics", "lr_schedule", "optimizer",
)  # fmt: skip
BLOCK_SECTIONS = ("train", "training", "execution", "execute", "hpo")
SECTIONS = (*VALUE_SECTIONS, *BLOCK_SECTIONS)

_SECTION_TERMINALS = frozenset(
    ["INPUT", "INPUTS", "LAYERS", "LOSS", "METRICS", "LR_SCHEDULE", "OPTIMIZER", "TRAIN", "TRAINING", "EXECUTION", "EXECUTE", "HPO_SECTION"]
)
_DECLARATION_TERMINALS = frozenset({"NETWORK", "DEFINE", "MACRO", "RESEARCH"})
_VALUE_TERMINALS = frozenset(
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

_TOKEN = re.compile(
    r"""
      (?P<blank>\s+|\#[^\n]*|//[^\n]*|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)
    | (?P<string>"[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\\\n]*(?:\\.[^'\\\n]*)*')
    | (?P<malformed>(?:\d+\.?|\.\d+)[\w.]*(?:(?<=[eE])[+-]\w+)?)
    | (?P<word>\$?[^\W\d]\w*)
    | (?P<mark>[(){}\[\]:;,=@+\-*/])
    | (?P<stray>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_SECTION_START = re.compile(
    rf"\b(?:(?:{'|'.join(SECTIONS)})\s*:|(?:{'|'.join(BLOCK_SECTIONS)})\s*\{{"
    rf"|(?:{'|'.join(DECLARATIONS)})\s+\w+\s*[{{(])"
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True)
class _Site:
    """The place where the parser stopped, and what is around it."""

    source: Source
    text: str
    scan: BracketScan
    offset: int
    accepts: frozenset[str]

    @cached_property
    def found(self) -> _Token | None:
        """The token at the place; None at the end of the file."""
        match = _TOKEN.match(self.text, self.offset)
        if match is None:
            return None
        kind = match.lastgroup or "stray"
        if kind == "malformed" and _NUMBER.fullmatch(match[0]):
            kind = "number"
        return _Token(kind, match[0], match.start())

    @cached_property
    def before(self) -> list[_Token]:
        """All tokens before the place."""
        return _tokens(self.text[: self.offset])

    @cached_property
    def stack(self) -> list[int]:
        """The brackets that are open at the place, outermost first."""
        return self.scan.open_at(self.offset)

    @property
    def innermost(self) -> str:
        """The innermost open bracket, or nothing."""
        return self.text[self.stack[-1]] if self.stack else ""

    def last(self, back: int = 1) -> str:
        """The text of the token `back` tokens before the place, or nothing."""
        return self.before[-back].text if len(self.before) >= back else ""

    def words_before(self, offset: int) -> list[_Token]:
        """The tokens before `offset`, which is before the place."""
        return [t for t in self.before if t.end <= offset]

    @property
    def found_text(self) -> str:
        return f"`{self.found.text}`" if self.found else "the end of the file"

    @property
    def starts_value(self) -> bool:
        """Whether the token at the place can begin a value."""
        found = self.found
        return found is not None and (
            found.kind in ("string", "number", "word") or found.text in ("(", "[", "{")
        )

    def error(
        self,
        code: str,
        message: str,
        token: _Token | None,
        *labels: Label,
        help: str | None = None,
    ) -> Diagnostic:
        """An error at `token`, or at the end of the text for None."""
        if token is None:
            end = len(self.text.rstrip())
            span = self.source.span(end, end)
        else:
            span = self.source.span(token.start, token.end)
        return Diagnostic(code, Severity.ERROR, message, span, labels, help=help)

    def label(self, start: int, end: int, message: str) -> Label:
        return Label(self.source.span(start, end), message)


def explain_fault(source: Source, fault: Fault) -> Diagnostic:
    """The error for a string, a comment or a nesting that makes the rest of the text unreadable."""
    text, start = source.text, fault.offset
    if fault.kind == "nesting":
        return too_deep(source.span(start, start + 1))
    if fault.kind == "comment":
        return Diagnostic(
            "E0108",
            Severity.ERROR,
            "this comment is never closed",
            source.span(start, start + 2),
            help="close it with `*/`",
        )
    quote = text[start]
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    return Diagnostic(
        "E0107",
        Severity.ERROR,
        "this string is not closed in its line",
        source.span(start, start + len(text[start:line_end].rstrip())),
        help=f"close it with {quote}",
    )


def explain(source: Source, text: str, scan: BracketScan, error: Any) -> Diagnostic:
    """What lark's UnexpectedInput `error` means in the program `text`."""
    accepts = frozenset(error.interactive_parser.accepts())
    site = _Site(source, text, scan, _offset(text, error), accepts)
    for kind in (
        _closing_bracket,
        _open_bracket,
        _stray_character,
        _malformed_number,
        _missing_name,
        _misspelled_declaration,
        _misspelled_section,
        _no_branch,
        _missing_value,
        _missing_equal,
        _missing_comma,
        _missing_colon,
        _bare_argument,
    ):
        diagnostic = kind(site)
        if diagnostic is not None:
            return diagnostic
    return site.error(
        "E0110", f"expected {_in_words(site.accepts)}, found {site.found_text}", site.found
    )


def recoverable_region(text: str, scan: BracketScan, error: Any) -> tuple[int, int] | None:
    """The lines of the item or entry around `error`, if the text makes sense without them.

    None where what is wrong cannot be told from what is around it: another error found behind it
    might be nothing but its consequence.
    """
    if scan.fault is not None:
        return None
    offset = _offset(text, error)
    stack = scan.open_at(offset)
    braces = [i for i, bracket in enumerate(stack) if text[bracket] == "{"]
    if not braces:
        return None
    brace = stack[braces[-1]]
    inner = stack[braces[-1] + 1 :]
    line = text.rfind("\n", 0, inner[0] if inner else offset) + 1
    start = max(brace + 1, line)
    limit = scan.partner[brace]
    end = scan.partner[inner[0]] if inner else offset
    while True:
        newline = text.find("\n", end)
        end = limit if newline < 0 else min(newline, limit)
        beyond = [c for o, c in scan.partner.items() if start <= o < end <= c]
        if not beyond:
            break
        end = max(beyond)
    # Brackets that begin before the region must not end in it.
    if any(o < start <= c < end for o, c in scan.partner.items()):
        return None
    region = text[start:end]
    before = _tokens(text[:start])
    after = next((t for t in _tokens(text[end:]) if t.kind != "blank"), None)
    if (
        not region.strip()
        or _SECTION_START.search(region)
        or (before and before[-1].text in (":", "=", "*", "@", "+", "-", "/", ","))
        or (before and before[-1].text in DECLARATIONS)
        or (after and after.text in ("(", "[", "{", "*", "@", ":", "=", ","))
    ):
        return None
    return start, end


# ---- kinds of mistakes ---------------------------------------------------------------------


def _closing_bracket(site: _Site) -> Diagnostic | None:
    fault = site.scan.fault
    if fault is None or site.found is None or site.offset != fault.offset:
        return None
    if fault.kind == "stray":
        return site.error("E0106", f"{site.found_text} closes nothing", site.found)
    if fault.kind == "mismatch" and fault.opener is not None:
        opener = site.text[fault.opener]
        return site.error(
            "E0106",
            f"`{opener}` is closed by {site.found_text}",
            site.found,
            site.label(fault.opener, fault.opener + 1, "opened here"),
            help=f"write `{CLOSERS[opener]}` here",
        )
    return None


def _open_bracket(site: _Site) -> Diagnostic | None:
    fault = site.scan.fault
    if fault is None or fault.opener is None:
        return None
    opener = site.text[fault.opener]
    inside = site.stack and site.stack[-1] == fault.opener and opener != "{"
    if not inside and site.found is not None and site.offset < fault.offset:
        return None
    closer = CLOSERS[opener]
    # Where the parser went on for a while within a network that it took for something else, the
    # beginning of that network is the place to show.
    where = site.offset if inside else min(site.offset, fault.offset)
    if where >= len(site.text.rstrip()):
        end = len(site.text.rstrip())
        label = site.label(end, end, "the file ends here")
    else:
        match = _TOKEN.match(site.text, where)
        end = match.end() if match else where + 1
        label = site.label(where, end, f"`{closer}` was expected before this")
    owner = _owner(site, fault.opener)
    return Diagnostic(
        "E0105",
        Severity.ERROR,
        f"this `{opener}`{owner} is never closed",
        site.source.span(fault.opener, fault.opener + 1),
        (label,),
        help=f"close it with `{closer}`",
    )


def _owner(site: _Site, opener: int) -> str:
    """` of \\`Dense\\`` for the bracket behind that name."""
    words = site.words_before(opener)
    if not words or words[-1].kind != "word":
        return ""
    if len(words) > 1 and words[-2].text in DECLARATIONS:
        return f" of {words[-2].text} `{words[-1].text}`"
    return f" of `{words[-1].text}`"


def _stray_character(site: _Site) -> Diagnostic | None:
    found = site.found
    if found is None or found.kind != "stray":
        return None
    char = found.text
    help = None
    shown = f"`{char}`"
    if not char.isascii() or not char.isprintable():
        from unicodedata import name

        shown = f"{shown} (U+{ord(char):04X} {name(char, 'unnamed')})"
    if char in "“”„«»‘’‚`":
        help = "write strings in straight quotes, \" or '"
    elif char == "$":
        help = "`$` stands directly before the name of a macro's parameter: `$units`"
    elif char in "–—−":
        help = "write a plain `-`"
    return site.error("E0109", f"stray character {shown}", found, help=help)


def _malformed_number(site: _Site) -> Diagnostic | None:
    if site.found is None or site.found.kind != "malformed":
        return None
    text = site.found.text
    help = None
    if "_" in text and _NUMBER.fullmatch(text.replace("_", "")):
        help = f"write it without `_`: {text.replace('_', '')}"
    elif text[0].isdigit() and re.fullmatch(r"\w+", text):
        help = "a name begins with a letter or `_`"
    return site.error("E0116", f"`{text}` is not a number", site.found, help=help)


def _missing_name(site: _Site) -> Diagnostic | None:
    if site.accepts != {"NAME"} or site.last() not in ("network", "define", "macro"):
        return None
    keyword = site.last()
    help = f"give it a name: `{keyword} Name {{ … }}`"
    if site.found and site.found.kind == "string" and site.found.text[1:-1].isidentifier():
        help = f"write the name without quotes: `{keyword} {site.found.text[1:-1]}`"
    return site.error(
        "E0113", f"`{keyword}` needs a name, found {site.found_text}", site.found, help=help
    )


def _misspelled_declaration(site: _Site) -> Diagnostic | None:
    """`netwrok Name { …`, which the grammar takes for two layers until something in it is none."""
    if site.stack:
        words = site.words_before(site.stack[0])[-2:]
    else:
        words = [*site.before, *([site.found] if site.found else [])][-2:]
    if not words or any(word.kind != "word" for word in words):
        return None
    word = words[0]
    keyword = _near(word.text, DECLARATIONS)
    if keyword is None or word.text in DECLARATIONS or (len(words) < 2 and keyword != "research"):
        return None
    return site.error(
        "E0112",
        f"`{word.text}` is no keyword",
        word,
        help=f"did you mean `{keyword}`?",
    )


def _misspelled_section(site: _Site) -> Diagnostic | None:
    found = site.found
    if site.accepts >= _SECTION_TERMINALS and site.innermost == "{":
        if found is None or found.kind != "word":
            return None
        follows = _TOKEN.match(site.text, found.end)
        while follows and follows.lastgroup == "blank":
            follows = _TOKEN.match(site.text, follows.end())
        following = follows[0] if follows else ""
        near = _near(found.text, SECTIONS)
        if near is not None and following in (":", "=", "{"):
            return site.error(
                "E0112",
                f"`{found.text}` is no section",
                found,
                help=f"did you mean `{near}`?",
            )
        if found.text in DECLARATIONS:
            return site.error("E0110", f"`{found.text}` cannot stand within a network", found)
        if following in (":", "="):
            help = f"the sections are {', '.join(SECTIONS)}"
        else:
            help = "layers stand behind `layers:`"
        return site.error("E0110", f"expected a section, found `{found.text}`", found, help=help)
    # A misspelled `train { batch_size: 16 }` among layers looks like a layer with a block.
    if site.accepts == {"LBRACE"} and site.innermost == "{":
        words = site.words_before(site.stack[-1])
        if words and words[-1].text == ":":
            words = words[:-1]
        near = _near(words[-1].text, BLOCK_SECTIONS) if words else None
        if near is not None and words[-1].text not in SECTIONS and words[-1].text.islower():
            return site.error(
                "E0112",
                f"`{words[-1].text}` is no section",
                words[-1],
                help=f"did you mean `{near}`?",
            )
    return None


def _no_branch(site: _Site) -> Diagnostic | None:
    if site.accepts - {"SHAPE"} != {"LBRACE"} and not (
        "LBRACE" in site.accepts and "NAME" not in site.accepts and not site.stack
    ):
        return None
    if site.last() != ":" or len(site.before) < 2 or site.before[-2].kind != "word":
        return None
    name = site.before[-2]
    if name.text in BLOCK_SECTIONS:
        return site.error(
            "E0110",
            f"`{name.text}` is a block of settings, found {site.found_text}",
            site.found,
            help=f"write `{name.text} {{ … }}`",
        )
    if name.text in SECTIONS:
        labels = ()
        if site.stack:
            labels = (site.label(site.stack[-1], site.stack[-1] + 1, "within this block"),)
        return site.error(
            "E0117", f"the section `{name.text}` cannot stand within a block", name, *labels
        )
    near = _near(name.text, SECTIONS)
    if near is not None:
        return site.error(
            "E0112", f"`{name.text}` is no section", name, help=f"did you mean `{near}`?"
        )
    return no_branch(name.text, site.source.span(name.start, name.end))


def _missing_value(site: _Site) -> Diagnostic | None:
    last = site.last()
    if last not in (":", "=", "*", "/", "+", "-", "@") or not site.before:
        return None
    if last == "@":
        return site.error(
            "E0110",
            f"a device is written in quotes, found {site.found_text}",
            site.found,
            help='like `@"cpu"` or `@"cuda:0"`',
        )
    if "NUMBER" not in site.accepts:
        return None
    if last in (":", "=") and len(site.before) > 1:
        where = f"`{site.before[-2].text}{last}`"
    else:
        where = f"`{last}`"
    what = "a shape" if site.last(2) in ("input", "inputs") else "a value"
    return site.error(
        "E0120",
        f"{what} is missing after {where}, found {site.found_text}",
        site.found,
    )


def _missing_equal(site: _Site) -> Diagnostic | None:
    if (
        "EQUAL" not in site.accepts
        or not site.before
        or site.before[-1].kind != "word"
        or not site.starts_value
    ):
        return None
    name = site.before[-1].text
    return site.error(
        "E0110",
        f"expected `=` or `,` after `{name}`, found {site.found_text}",
        site.found,
        help=f"an argument is written `{name}={site.found.text if site.found else ''}`",
    )


def _missing_comma(site: _Site) -> Diagnostic | None:
    if "COMMA" not in site.accepts or site.innermost not in ("(", "["):
        return None
    if not site.starts_value:
        return None
    previous = site.before[-1]
    return site.error(
        "E0111",
        f"a comma is missing before {site.found_text}",
        site.found,
        site.label(previous.end, previous.end, "put it here"),
    )


def _missing_colon(site: _Site) -> Diagnostic | None:
    if not {"COLON"} <= site.accepts <= {"COLON", "LBRACE", "EQUAL"} or not site.before:
        return None
    name = site.last()
    marks = _in_words(site.accepts)
    return site.error(
        "E0110", f"expected {marks} after `{name}`, found {site.found_text}", site.found
    )


def _bare_argument(site: _Site) -> Diagnostic | None:
    """`Dense 10`."""
    if not {"NAME", "LPAR", "STAR", "AT"} <= site.accepts or not site.starts_value:
        return None
    if not site.before or site.before[-1].kind != "word" or site.found is None:
        return None
    return site.error(
        "E0110",
        f"expected a layer or `(` after `{site.last()}`, found {site.found_text}",
        site.found,
        help=f"arguments stand in parentheses: `{site.last()}({site.found.text})`",
    )


# ---- words ---------------------------------------------------------------------------------


def _in_words(accepts: frozenset[str]) -> str:
    """The terminals in words: kinds of things first, then marks, at most six."""
    rest = set(accepts)
    words: list[str] = []

    def take(group: frozenset[str], word: str) -> None:
        if group <= rest:
            rest.difference_update(group)
            words.append(word)

    is_value = rest >= _VALUE_TERMINALS
    take(_VALUE_TERMINALS | {"NAME", "LBRACE"}, "a value")
    take(_DECLARATION_TERMINALS, "a declaration like `network`")
    take(_SECTION_TERMINALS, "a section")
    if "NAME" in rest:
        rest.discard("NAME")
        layers = "STAR" in rest or "RBRACE" in rest or "$END" in rest
        words.append("a layer" if layers and not is_value and "EQUAL" not in rest else "a name")
    words += [_MARKS.get(t, t.lower()) for t in _MARKS if t in rest]
    words = words[:6]
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _near(word: str, candidates: tuple[str, ...]) -> str | None:
    close = get_close_matches(word.lower(), candidates, n=1, cutoff=0.7)
    return close[0] if close else None


def _offset(text: str, error: Any) -> int:
    token = getattr(error, "token", None)
    if token is not None and token.type == "$END":
        return len(text)
    return int(error.pos_in_stream)


def _tokens(text: str) -> list[_Token]:
    return [
        _Token(m.lastgroup or "stray", m[0], m.start())
        for m in _TOKEN.finditer(text)
        if m.lastgroup != "blank"
    ]
