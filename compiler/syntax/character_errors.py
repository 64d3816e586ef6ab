"""Syntax errors of single words: stray characters, numbers and strings.

In: the place where the parser stopped. Out: one Diagnostic, or None where it is something else.
"""

from __future__ import annotations

import re

from ...ir.diagnostic import Diagnostic, Fix
from .error_site import NUMBER, ErrorSite, Token
from .source import Source
from .vocabulary import quoted


def stray_character(site: ErrorSite) -> Diagnostic | None:
    found = site.found
    if found is None or found.kind != "stray":
        return None
    char = found.text
    help, fix = None, None
    shown = f"`{char}`"
    if not char.isascii() or not char.isprintable():
        from unicodedata import name, normalize

        shown = f"{shown} (U+{ord(char):04X} {name(char, 'a control character')})"
        plain = normalize("NFKC", char)
        if len(plain) == 1 and plain.isascii() and plain.isprintable():
            help = f"write a plain `{plain}`"
            # Such characters come together: all of them up to a quote or the end of the line.
            rest = re.compile(r"[^\n\"']*[^\x00-\x7f]").match(site.text, found.start)
            wide = rest[0] if rest and len(normalize("NFKC", rest[0])) == len(rest[0]) else char
            fix = site.fix(help, found.start, found.start + len(wide), normalize("NFKC", wide))
    if char in "“”„«»‘’‚`":
        help = "write strings in straight quotes, \" or '"
        fix = _straight_quotes(site, found)
    elif char == "$":
        help = "`$` stands directly before the name of a macro's parameter: `$units`"
    elif char in "–—−":
        help = "write a plain `-`"
        fix = site.fix(help, found.start, found.end, "-")
    elif not char.isprintable():
        help = "delete it"
        fix = site.fix(help, found.start, found.end, " ")
    elif char == "%" and site.before and site.before[-1].kind == "malformed":
        percent = site.before[-1]
        if re.fullmatch(r"\d{1,2}", percent.text):
            share = f"{int(percent.text) / 100:g}"
            help = f"write the share: {share}"
            fix = site.fix(help, percent.start, found.end, share)
    return site.error("E0109", f"stray character {shown}", found, help=help, fix=fix)


def _straight_quotes(site: ErrorSite, found: Token) -> Fix | None:
    """The whole string in straight quotes, where its other end is in the line."""
    match = re.compile(r"[“”„«»‘’‚`]([^\n\"“”„«»‘’‚`]*)[“”„«»‘’‚`]").match(site.text, found.start)
    if match is None:
        return None
    return site.fix("use straight quotes", match.start(), match.end(), f'"{match[1]}"')


def malformed_number(site: ErrorSite) -> Diagnostic | None:
    if site.found is None or site.found.kind != "malformed":
        return None
    text = site.found.text
    help, fix = None, None
    sizes = re.fullmatch(r"(\d+(?:[xX]\d+)+)", text)
    if "_" in text and NUMBER.fullmatch(text.replace("_", "")):
        help = f"write it without `_`: {text.replace('_', '')}"
        fix = site.fix("leave out the `_`", site.found.start, site.found.end, text.replace("_", ""))
    elif sizes:
        shape = f"({', '.join(re.split('[xX]', text))})"
        help = f"several sizes are written `{shape}`"
        fix = site.fix(f"write `{shape}`", site.found.start, site.found.end, shape)
    elif text[0].isdigit() and re.fullmatch(r"\w+", text):
        help = "a name begins with a letter or `_`"
    return site.error("E0116", f"{quoted(text)} is not a number", site.found, help=help, fix=fix)


def closing_quote(source: Source, start: int, rest: str) -> tuple[Fix, ...]:
    """The quote behind the word that follows the opening one, where one word follows it."""
    match = re.match(r"[\"'](\w+)[\"'”’]?(?=\W*$)", rest)
    if match is None:
        return ()
    span = source.span(start, start + match.end())
    return (Fix("close the string", span, f"{rest[0]}{match[1]}{rest[0]}"),)
