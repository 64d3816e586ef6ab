"""Syntax errors of people who think of another language: Python, YAML, mathematics.

In: the place where the parser stopped. Out: one Diagnostic that says what the same is here.

Each function knows one habit and answers None where it is something else; `KINDS` has them in the
order in which they are asked, between the errors of brackets and the general ones.
"""

from __future__ import annotations

import re

from ...ir.diagnostic import Diagnostic, Fix
from .error_site import ErrorSite, Token
from .vocabulary import PYTHON, SECTIONS, quoted


def python_line(site: ErrorSite) -> Diagnostic | None:
    """`class Model(nn.Module):`, `for i in range(3):`, `Lambda(lambda x: x)`."""
    line = site.text.rfind("\n", 0, site.offset) + 1
    words = [token for token in site.before if token.start >= line]
    if site.found is not None:
        words.append(site.found)
    if len(words) < 2 and len(site.before) > 1:
        # What is wrong was noticed in the line below.
        line = site.text.rfind("\n", 0, site.before[-1].start) + 1
        words = [token for token in site.before if token.start >= line]
    first = next((t for t in words if t.kind == "word" and t.text in PYTHON), None)
    if first is None or (first is not words[0] and first.text != "lambda"):
        return None
    following = site.following(first)
    if following in ("=", ":") or (following == "(" and first.text in ("from", "if", "while")):
        return None
    return python_word(site, first)


def python_word(site: ErrorSite, word: Token) -> Diagnostic:
    return site.error(
        "E0110", f"{quoted(word.text)} is Python, not Neural", word, help=PYTHON[word.text]
    )


def _chain_mark(site: ErrorSite) -> Diagnostic | None:
    """`Dense(1) -> Dense(2)`, also with `|`, `>>`, `+`, and `...` between them."""
    found = site.found
    if found is None or site.innermost in ("(", "["):
        return None
    match = re.compile(r"->|=>|>>|\||\+|\.\.\.|…|→").match(site.text, found.start)
    if match is None or not site.before:
        return None
    mark = Token("stray", match[0], match.start())
    if mark.text in ("...", "…"):
        return site.error(
            "E0110", f"`{mark.text}` stands for no layers", mark, help="write all layers, or `* N`"
        )
    help = "layers follow one another without a mark between them"
    if mark.text == "+":
        help += "; a sum is written with branches and `Add()`"
    fix = site.fix("leave it out", mark.start, mark.end, " ") if mark.text != "+" else None
    return site.error("E0110", f"`{mark.text}` joins no layers", mark, help=help, fix=fix)


def _double_mark(site: ErrorSite) -> Diagnostic | None:
    """`==` and `**`."""
    found = site.found
    if found is None or not site.before or found.text not in ("=", "*"):
        return None
    previous = site.before[-1]
    if previous.text != found.text or previous.end != found.start:
        return None
    both = Token("mark", previous.text + found.text, previous.start)
    if found.text == "=":
        fix = site.fix("write `=`", both.start, both.end, "=")
        return site.error("E0110", "a value is given with one `=`", both, help="write `=`", fix=fix)
    if site.innermost in ("(", "["):
        return site.error(
            "E0110", "there are no powers", both, help="write the number, or a product"
        )
    fix = site.fix("write `*`", both.start, both.end, "*")
    return site.error(
        "E0110", "a layer is repeated with one `*`", both, help="write `* N`", fix=fix
    )


def _dotted_name(site: ErrorSite) -> Diagnostic | None:
    """`layers.Dense(3)`, `tf.nn.relu`, `Dense(3).relu()`."""
    found = site.found
    if found is None or found.text != "." or not site.before:
        return None
    previous = site.before[-1]
    if previous.end != found.start:
        return None
    if previous.kind == "word":
        match = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+").match(site.text, previous.start)
        if match is None:
            return None
        whole = Token("word", match[0], match.start())
        name = _known(match[0].rsplit(".", 1)[1])
        if name is None:
            help = "a layer goes by its own name, like `Dense(128)`"
            return site.error("E0110", "names have no dots", whole, help=help)
        help = f"write {quoted(name)}"
        fix = site.fix(help, whole.start, whole.end, name)
        return site.error("E0110", "names have no dots", whole, help=help, fix=fix)
    if previous.text == ")":
        return site.error(
            "E0110",
            "a layer has no methods",
            found,
            help="what follows is a layer of its own, or an argument",
        )
    return None


def _known(name: str) -> str | None:
    """What the language calls a layer, an activation or a section that is written `name`."""
    from ..layers.activations import activation_named
    from ..layers.spec import layer_named
    from ..messages.habits import LAYERS

    if name.islower():
        return name if activation_named(name) is not None else None
    return LAYERS.get(name.lower()) or (name if layer_named(name) is not None else None)


def _square_arguments(site: ErrorSite) -> Diagnostic | None:
    """`Dense[128]`."""
    found = site.found
    if found is None or found.text != "[" or "LPAR" not in site.accepts or not site.before:
        return None
    previous = site.before[-1]
    end = site.scan.partner.get(found.start)
    if previous.kind != "word" or previous.text in SECTIONS:
        return None
    fix = None
    if end is not None:
        inner = site.text[found.start + 1 : end]
        fix = site.fix("use parentheses", found.start, end + 1, f"({inner})")
    return site.error(
        "E0110",
        f"the arguments of {quoted(previous.text)} stand in parentheses",
        found,
        help=f"write `{previous.text}(…)`",
        fix=fix,
    )


def _call_of_a_layer(site: ErrorSite) -> Diagnostic | None:
    """`Dense(128)(x)`."""
    found = site.found
    if found is None or found.text != "(" or site.last() != ")" or site.innermost in ("(", "["):
        return None
    end = site.scan.partner.get(found.start)
    fix = None
    if end is not None:
        fix = site.fix("leave it out", found.start, end + 1, "")
    return site.error(
        "E0110",
        "a layer is not called with its input",
        found,
        help="layers follow one another, and each takes what the one before it gives",
        fix=fix,
    )


def _prefixed_string(site: ErrorSite) -> Diagnostic | None:
    """`f"name"`."""
    found = site.found
    if found is None or found.kind != "string" or not site.before:
        return None
    prefix = site.before[-1]
    if prefix.end != found.start or prefix.text.lower() not in ("f", "r", "b", "u"):
        return None
    fix = site.fix("leave out the letter", prefix.start, prefix.end, " ")
    return site.error(
        "E0110", "a string has no letter in front of it", prefix, help="leave it out", fix=fix
    )


def _semicolon_in_arguments(site: ErrorSite) -> Diagnostic | None:
    found = site.found
    if found is None or found.text != ";" or site.innermost not in ("(", "["):
        return None
    return site.error(
        "E0111",
        "a comma separates arguments, not `;`",
        found,
        help="write `,`",
        fix=site.fix("write `,`", found.start, found.end, ","),
    )


def _empty_argument(site: ErrorSite) -> Diagnostic | None:
    """`Dense(10,, relu)`, `Dense(, 10)`."""
    found = site.found
    if found is None or found.text != "," or site.last() not in (",", "(", "["):
        return None
    if site.innermost not in ("(", "["):
        return None
    where = "between two commas" if site.last() == "," else "before this comma"
    return site.error(
        "E0110",
        f"nothing stands {where}",
        found,
        help="leave the comma out",
        fix=site.fix("leave the comma out", found.start, found.end, " "),
    )


def _repetition(site: ErrorSite) -> Diagnostic | None:
    """`Dense(64) x 3` and `3 * Dense(64)`."""
    found = site.found
    if found is None or found.kind != "number" or site.innermost in ("(", "["):
        return None
    if site.last() in ("x", "X", "times") and site.last(2) in (")", "}"):
        mark = site.before[-1]
        return site.error(
            "E0110",
            f"a layer is repeated with `*`, not {quoted(mark.text)}",
            mark,
            help=f"write `* {found.text}`",
            fix=site.fix("write `*`", mark.start, mark.end, "*"),
        )
    if site.following(found) in ("*", "x") and "NAME" in site.accepts:
        return site.error(
            "E0110",
            "the number of repetitions stands behind the layer",
            found,
            help=f"write `Layer(…) * {found.text}`",
        )
    return None


def _dash(site: ErrorSite) -> Diagnostic | None:
    """`- Dense: 128`."""
    found = site.found
    if found is None or found.text != "-" or site.innermost in ("(", "["):
        return None
    line = site.text.rfind("\n", 0, found.start) + 1
    if site.text[line : found.start].strip():
        return None
    return site.error(
        "E0110",
        "layers are listed without dashes",
        found,
        help="write `Dense(128)` in a line of its own",
        fix=_without_dash(site, found),
    )


def _without_dash(site: ErrorSite, dash: Token) -> Fix:
    """`Dense(128)` for `- Dense: 128`, else only the dash less."""
    match = re.compile(r"-\s*(\w+)[ \t]*:[ \t]*([\w.\"']+)(?=[ \t]*\n)").match(
        site.text, dash.start
    )
    if match is None:
        return site.fix("leave it out", dash.start, dash.end, " ")
    layer = f"{match[1]}({match[2]})"
    return site.fix(f"write {quoted(layer)}", match.start(), match.end(), layer)


def _value_in_the_next_line(site: ErrorSite) -> Diagnostic | None:
    """`epochs:` without a value, and behind it the next setting."""
    found = site.found
    if found is None or found.text not in (":", "=") or site.last(2) not in (":", "="):
        return None
    if site.before[-1].kind != "word" or len(site.before) < 3 or site.innermost != "{":
        return None
    colon, name = site.before[-2], site.before[-3]
    return site.error(
        "E0120",
        f"a value is missing after {quoted(name.text + colon.text)}",
        name,
        help=f"write it, or leave {quoted(name.text + colon.text)} out",
    )


KINDS = (
    _chain_mark,
    _double_mark,
    _dotted_name,
    _square_arguments,
    _call_of_a_layer,
    _prefixed_string,
    _semicolon_in_arguments,
    _empty_argument,
    _repetition,
    _dash,
    _value_in_the_next_line,
)
