"""Syntax errors around declarations: the heads of networks and macros, braces where none belong.

In: the place where the parser stopped. Out: one Diagnostic, or None where it is something else.
`KINDS` has them in the order in which they are asked.
"""

from __future__ import annotations

import re

from ...ir.diagnostic import Diagnostic
from .error_site import ErrorSite, Token
from .vocabulary import DECLARATIONS, SECTIONS, quoted


def _network_head(site: ErrorSite) -> Diagnostic | None:
    """`network My Model {`, `network my-model {`, `network Model() {`, `network Model: {`."""
    found = site.found
    if found is None or site.accepts != {"LBRACE"} or site.last(2) != "network":
        return None
    name = site.before[-1]
    if found.text in SECTIONS and site.following(found) in (":", "{"):
        return site.error(
            "E0110",
            f"`{{` is missing after `network {name.text}`",
            name,
            help=f"a network is written `network {name.text} {{ … }}`",
            fix=site.fix("write `{`", name.end, name.end, " {"),
        )
    if found.text in ("-", ".") or found.kind in ("word", "number", "malformed"):
        head = re.compile(r"[^{\n:(]*").match(site.text, name.start)
        written = head[0].rstrip() if head else name.text
        joined = re.sub(r"\W+", "_", written)
        whole = Token("word", written, name.start)
        return site.error(
            "E0113",
            f"{quoted(written)} is no name: it has letters, digits and `_` only",
            whole,
            help=f"write {quoted('network ' + joined)}",
            fix=site.fix(f"write {quoted(joined)}", whole.start, whole.end, joined),
        )
    if found.text == ":":
        return site.error(
            "E0110",
            "no colon stands behind the name of a network",
            found,
            help="leave it out",
            fix=site.fix("leave it out", found.start, found.end, " "),
        )
    if found.text == "(":
        return site.error(
            "E0110",
            "a network takes no arguments",
            found,
            help="a part with arguments is declared with `define NAME(…) { … }`",
        )
    return None


def _declaration_with_colon(site: ErrorSite) -> Diagnostic | None:
    """`define Block(units):`."""
    found = site.found
    if found is None or found.text != ":" or site.accepts - {"LPAR"} != {"LBRACE"}:
        return None
    if "define" not in (site.last(2), *(t.text for t in site.before[-12:])):
        return None
    return site.error(
        "E0110",
        "the layers of a macro stand in braces, not behind a colon",
        found,
        help="write `define NAME(…) { … }`",
    )


def _assignment(site: ErrorSite) -> Diagnostic | None:
    """`model = …` at the top of a file, or among layers."""
    found = site.found
    if found is None or found.text != "=" or not site.before or site.innermost in ("(", "["):
        return None
    name = site.before[-1]
    if name.kind != "word" or name.text in (*SECTIONS, *DECLARATIONS) or "LPAR" not in site.accepts:
        return None
    return site.error(
        "E0110",
        "layers are not assigned to names",
        found,
        help=f'a network is written `network NAME {{ … }}`, a layer\'s name `name="{name.text}"`',
    )


def _other_declaration(site: ErrorSite) -> Diagnostic | None:
    """`model Classifier { input: … }`, which reads like two layers with a block."""
    if len(site.stack) != 1 or site.innermost != "{" or site.found is None:
        return None
    words = site.words_before(site.stack[0])[-2:]
    keyword = site.last(2) if site.last() == ":" else site.found.text
    if keyword not in SECTIONS or any(word.kind != "word" for word in words):
        return None
    if len(words) != 2 or words[0].text.lower() not in ("model", "net", "neural", "nn", "graph"):
        return None
    return site.error(
        "E0112",
        f"{quoted(words[0].text)} is no keyword",
        words[0],
        help=f"write `network {words[1].text} {{ … }}`",
        fix=site.fix("write `network`", words[0].start, words[0].end, "network"),
    )


def _layers_in_braces(site: ErrorSite) -> Diagnostic | None:
    found = site.found
    if found is None or found.text != "{" or (site.last(2), site.last()) != ("layers", ":"):
        return None
    end = site.scan.partner.get(found.start)
    fix = None
    if end is not None:
        fix = site.fix("use `[ … ]`", found.start, end + 1, f"[{site.text[found.start + 1 : end]}]")
    return site.error(
        "E0110",
        "the layers of a network stand without braces",
        found,
        help="leave the braces out, or write `layers: [ … ]`",
        fix=fix,
    )


KINDS = (
    _network_head,
    _declaration_with_colon,
    _assignment,
    _other_declaration,
    _layers_in_braces,
)
