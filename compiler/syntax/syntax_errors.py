"""Syntax errors in words about Neural programs.

In: the place where the parser stopped, the terminals it would have taken there, and the brackets of
the text. Out: one Diagnostic.

Each `_…` function below `explain` knows one kind of mistake and answers None where it is another.
They are asked in order: what is certain (an open bracket) before what is guessed (a misspelling).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...ir.diagnostic import Diagnostic, Severity
from ..messages.suggestions import closest
from . import declaration_errors, foreign
from .bracket_errors import closing_bracket, open_bracket, section_in_block, section_within
from .brackets import BracketScan, Fault
from .character_errors import closing_quote, malformed_number, stray_character
from .error_site import ErrorSite, Token, offset_of
from .source import Source
from .tree_builder import misspelled, no_branch
from .value_builder import HPO_KINDS, too_deep
from .vocabulary import (
    BLOCK_SECTIONS,
    DECLARATIONS,
    SECTION_TERMINALS,
    SECTIONS,
    VALUE_SECTIONS,
    in_words,
    quoted,
)


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
        fixes=closing_quote(source, start, text[start:line_end].rstrip()),
    )


def explain(source: Source, text: str, scan: BracketScan, error: Any) -> Diagnostic:
    """What lark's UnexpectedInput `error` means in the program `text`."""
    accepts = frozenset(error.interactive_parser.accepts())
    site = ErrorSite(source, text, scan, offset_of(text, error), accepts)
    for kind in (
        foreign.python_line,
        closing_bracket,
        open_bracket,
        *foreign.KINDS,
        *declaration_errors.KINDS,
        stray_character,
        malformed_number,
        _missing_name,
        _misspelled_declaration,
        section_in_block,
        _misspelled_section,
        _misspelled_block_section,
        _no_branch,
        _missing_value,
        _missing_equal,
        _missing_comma,
        _missing_colon,
        _bare_argument,
        _missing_choice,
    ):
        diagnostic = kind(site)
        if diagnostic is not None:
            return diagnostic
    return site.error(
        "E0110", f"expected {in_words(site.accepts)}, found {site.found_text}", site.found
    )


# ---- kinds of mistakes ---------------------------------------------------------------------


def _missing_name(site: ErrorSite) -> Diagnostic | None:
    if site.accepts != {"NAME"} or site.last() not in ("network", "define", "macro"):
        return None
    keyword = site.last()
    help = f"give it a name: `{keyword} Name {{ … }}`"
    fix = None
    if site.found and site.found.kind == "string" and site.found.text[1:-1].isidentifier():
        name = site.found.text[1:-1]
        help = f"write the name without quotes: `{keyword} {name}`"
        fix = site.fix("leave out the quotes", site.found.start, site.found.end, name)
    return site.error(
        "E0113",
        f"`{keyword}` needs a name, found {site.found_text}",
        site.found,
        help=help,
        fix=fix,
    )


def _misspelled_declaration(site: ErrorSite) -> Diagnostic | None:
    """`netwrok Name { …`, which the grammar takes for two layers until something in it is none."""
    if site.stack:
        words = site.words_before(site.stack[0])[-2:]
    else:
        words = [*site.before, *([site.found] if site.found else [])][-2:]
    if not words or any(word.kind != "word" for word in words):
        return None
    word = words[0]
    keyword = closest(word.text, DECLARATIONS)
    if keyword is None or word.text in DECLARATIONS or (len(words) < 2 and keyword != "research"):
        return None
    return misspelled(word.text, site.span(word), keyword)


def _misspelled_section(site: ErrorSite) -> Diagnostic | None:
    found = site.found
    if not site.accepts >= SECTION_TERMINALS or site.innermost != "{":
        return None
    if found is None or found.kind != "word":
        return None
    following = site.following(found)
    near = closest(found.text, SECTIONS)
    if near is not None and following in (":", "=", "{"):
        return misspelled(found.text, site.span(found), near, "section")
    if found.text in DECLARATIONS:
        return site.error("E0110", f"{quoted(found.text)} cannot stand within a network", found)
    if following in (":", "="):
        help = f"the sections are {', '.join(SECTIONS)}"
    else:
        help = "layers stand behind `layers:`"
    return site.error("E0110", f"expected a section, found {quoted(found.text)}", found, help=help)


def _misspelled_block_section(site: ErrorSite) -> Diagnostic | None:
    """`trian { batch_size: 16 }` among layers, which looks like a layer with a block."""
    if site.accepts != {"LBRACE"} or site.innermost != "{":
        return None
    words = site.words_before(site.stack[-1])
    if words and words[-1].text == ":":
        words = words[:-1]
    near = closest(words[-1].text, BLOCK_SECTIONS) if words else None
    if near is None or words[-1].text in SECTIONS or not words[-1].text.islower():
        return None
    return misspelled(words[-1].text, site.span(words[-1]), near, "section")


def _no_branch(site: ErrorSite) -> Diagnostic | None:
    """`name:` among layers without a block behind it."""
    only_block = site.accepts - {"SHAPE"} == {"LBRACE"}
    loose = "LBRACE" in site.accepts and "NAME" not in site.accepts and not site.stack
    if not (only_block or loose) or site.last() != ":" or len(site.before) < 2:
        return None
    name = site.before[-2]
    if name.kind != "word":
        return None
    if name.text in BLOCK_SECTIONS:
        return site.error(
            "E0110",
            f"{quoted(name.text)} is a block of settings, found {site.found_text}",
            site.found,
            help=f"write `{name.text} {{ … }}`",
        )
    if name.text in SECTIONS and site.innermost == "{":
        return section_within(site, name)
    near = closest(name.text, SECTIONS)
    if near is not None and name.text not in SECTIONS:
        return misspelled(name.text, site.span(name), near, "section")
    return _layer_with_colon(site, name) or no_branch(name.text, site.span(name))


def _layer_with_colon(site: ErrorSite, name: Token) -> Diagnostic | None:
    """`Dense: 128`, and `hidden: Dense(128)`."""
    from ..layers.spec import layer_named

    found, colon = site.found, site.before[-1]
    if found is None:
        return None
    if layer_named(name.text) is not None:
        fix = None
        if found.kind in ("number", "string"):
            fix = site.fix("put it in parentheses", colon.start, found.end, f"({found.text})")
        return site.error(
            "E0117",
            f"the arguments of {quoted(name.text)} stand in parentheses, not behind a colon",
            colon,
            help=f"write {quoted(f'{name.text}({found.text})')}"
            if fix
            else f"write `{name.text}(…)`",
            fix=fix,
        )
    if found.kind == "word" and layer_named(found.text) is not None:
        help = (
            f"a branch is written `{name.text}: {{ {found.text}(…) }}`, a layer's name "
            f'`{found.text}(…, name="{name.text}")`'
        )
        return replace(no_branch(name.text, site.span(name)), help=help)
    return None


def _missing_value(site: ErrorSite) -> Diagnostic | None:
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
    if last == ":" and site.last(2) in SECTIONS and site.last(3) == ":":
        # `input: layers: …` reads like an input that is named `layers`.
        keyword = site.before[-2]
        return site.error(
            "E0120",
            f"a shape is missing after `{site.last(4)}:`, found {quoted(keyword.text)}",
            keyword,
        )
    if last in (":", "=") and len(site.before) > 1:
        where = f"{quoted(site.before[-2].text + last)}"
    else:
        where = f"`{last}`"
    what = "a shape" if site.last(2) in ("input", "inputs") else "a value"
    return site.error(
        "E0120",
        f"{what} is missing after {where}, found {site.found_text}",
        site.found,
        help=f"write it, or leave {where} out" if last == "=" else None,
    )


def _missing_equal(site: ErrorSite) -> Diagnostic | None:
    if (
        "EQUAL" not in site.accepts
        or not site.before
        or site.before[-1].kind != "word"
        or not site.starts_value
    ):
        return None
    name = site.before[-1].text
    mark = ":" if site.innermost == "{" else "="
    return site.error(
        "E0110",
        f"expected `{mark}`{' or `,`' * (mark == '=')} after {quoted(name)}, "
        f"found {site.found_text}",
        site.found,
        help=f"a value is given to a name with `{mark}`: "
        + quoted(f"{name}{mark}{' ' if mark == ':' else ''}{site.found_bare}"),
        fix=site.fix(
            f"write `{mark}`", site.before[-1].end, site.found.start if site.found else 0, mark
        ),
    )


def _missing_comma(site: ErrorSite) -> Diagnostic | None:
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
        fix=site.fix("put a comma", previous.end, previous.end, ","),
    )


def _missing_colon(site: ErrorSite) -> Diagnostic | None:
    if not {"COLON"} <= site.accepts <= {"COLON", "LBRACE", "EQUAL"} or not site.before:
        return None
    name = site.last()
    marks = in_words(site.accepts)
    previous, found = site.before[-1], site.found
    help, fix = None, None
    if name in VALUE_SECTIONS:
        help = f"a section begins with its name and a colon: `{name}: …`"
        if found is not None and found.text == "=":
            fix = site.fix("write `:`", found.start, found.end, ":")
        else:
            fix = site.fix("write `:`", previous.end, previous.end, ":")
    elif name in BLOCK_SECTIONS:
        help = f"its settings stand in braces: `{name} {{ … }}`"
    return site.error(
        "E0110",
        f"expected {marks} after {quoted(name)}, found {site.found_text}",
        # What is missing is missing behind the name; what is wrong stands where it stands.
        found if found is not None and found.text in ("=", "(", "[") else previous,
        help=help,
        fix=fix,
    )


def _bare_argument(site: ErrorSite) -> Diagnostic | None:
    """`Dense 10`."""
    if not {"NAME", "LPAR", "STAR", "AT"} <= site.accepts or not site.starts_value:
        return None
    if not site.before or site.before[-1].kind != "word" or site.found is None:
        return None
    return site.error(
        "E0110",
        f"expected a layer or `(` after {quoted(site.last())}, found {site.found_text}",
        site.found,
        help=f"arguments stand in parentheses: {quoted(f'{site.last()}({site.found.text})')}",
        fix=site.fix(
            "put it in parentheses", site.before[-1].end, site.found.end, f"({site.found.text})"
        ),
    )


def _missing_choice(site: ErrorSite) -> Diagnostic | None:
    if site.last() != "(" or site.last(2) != "HPO":
        return None
    return site.error(
        "E0118",
        f"expected a kind of open choice, found {site.found_text}",
        site.found,
        help=f"the kinds are {', '.join(HPO_KINDS)}, like `HPO(choice(32, 64))`",
    )
