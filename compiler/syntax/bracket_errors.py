"""Syntax errors of brackets: one that is never closed, one that closes nothing, a section in braces
that hold layers.

In: the place where the parser stopped. Out: one Diagnostic, or None where it is something else.
"""

from __future__ import annotations

from ...ir.diagnostic import Diagnostic, Fix, Severity
from .brackets import CLOSERS
from .error_site import TOKEN, ErrorSite, Token, tokens
from .vocabulary import DECLARATIONS, SECTION_TERMINALS, SECTIONS, quoted


def closing_bracket(site: ErrorSite) -> Diagnostic | None:
    fault = site.scan.fault
    if fault is None or site.found is None or site.offset != fault.offset:
        return None
    if fault.kind not in ("stray", "mismatch"):
        return None
    if fault.opener is None or (site.text[fault.opener] == "{" and site.found.text != "}"):
        return site.error(
            "E0106",
            f"{site.found_text} closes nothing",
            site.found,
            help="delete it, or write its partner in front",
            fix=site.fix("delete it", site.offset, site.offset + 1, " "),
        )
    opener = site.text[fault.opener]
    if any(CLOSERS[site.text[outer]] == site.found.text for outer in site.stack[:-1]):
        return _never_closed(site, fault.opener, site.offset)
    return site.error(
        "E0106",
        f"`{opener}` is closed by {site.found_text}",
        site.found,
        site.label(fault.opener, fault.opener + 1, "opened here"),
        help=f"write `{CLOSERS[opener]}` here",
        fix=site.fix(f"write `{CLOSERS[opener]}`", site.offset, site.offset + 1, CLOSERS[opener]),
    )


def open_bracket(site: ErrorSite) -> Diagnostic | None:
    fault = site.scan.fault
    if fault is None or fault.opener is None:
        return None
    if fault.kind == "unclosed" and _is_section_in_block(site):
        return _never_closed(site, site.stack[-1], site.offset)
    inside = site.stack and site.stack[-1] == fault.opener and site.innermost != "{"
    if not inside and site.found is not None and site.offset < fault.offset:
        return None
    # Where the parser went on for a while within a network that it took for something else, the
    # beginning of that network is the place to show.
    return _never_closed(
        site, fault.opener, site.offset if inside else min(site.offset, fault.offset)
    )


def _never_closed(site: ErrorSite, bracket: int, missed: int) -> Diagnostic:
    """The error of the open `bracket` whose partner was missed at the offset `missed`."""
    opener = site.text[bracket]
    closer = CLOSERS[opener]
    end = len(site.text.rstrip())
    last = [token for token in tokens(site.text[:missed]) if token.start >= bracket]
    place = last[-1].end if last else bracket + 1
    if missed >= end:
        label = site.label(end, end, "the file ends here")
    else:
        match = TOKEN.match(site.text, missed)
        end = match.end() if match else missed + 1
        label = site.label(missed, end, f"`{closer}` was expected before this")
    return Diagnostic(
        "E0105",
        Severity.ERROR,
        f"this `{opener}`{_owner(site, bracket)} is never closed",
        site.source.span(bracket, bracket + 1),
        (label,),
        help=f"close it with `{closer}`",
        fixes=(Fix(f"write `{closer}`", site.source.span(place, place), closer),),
    )


def _is_section_in_block(site: ErrorSite) -> bool:
    """Whether a section begins at the place, in braces that hold layers only."""
    return (
        site.innermost == "{"
        and site.found is not None
        and site.found.text in SECTIONS
        and "RBRACE" in site.accepts
        and "NAME" in site.accepts
        and not site.accepts >= SECTION_TERMINALS
    )


def section_in_block(site: ErrorSite) -> Diagnostic | None:
    if not _is_section_in_block(site) or site.found is None:
        return None
    return section_within(site, site.found)


def section_within(site: ErrorSite, keyword: Token) -> Diagnostic:
    block = site.stack[-1]
    return site.error(
        "E0110",
        f"the section `{keyword.text}` cannot stand within a block",
        keyword,
        site.label(block, block + 1, "the block begins here"),
    )


def _owner(site: ErrorSite, opener: int) -> str:
    """` of \\`Dense\\`` for the bracket behind that name."""
    words = site.words_before(opener)
    if not words or words[-1].kind != "word":
        return ""
    if len(words) > 1 and words[-2].text in DECLARATIONS:
        return f" of {words[-2].text} {quoted(words[-1].text)}"
    return f" of {quoted(words[-1].text)}"
