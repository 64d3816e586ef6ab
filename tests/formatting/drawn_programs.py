"""Drawn programs for these tests, and comments to put between their words."""

from __future__ import annotations

import re

from hypothesis import strategies as st


def tokens(text: str) -> list[str]:
    """A program's words, without blanks; comments are not expected."""
    return re.findall(r'\d+(?:\.\d+)?(?:e[+-]?\d+)?|"[^"\n]*"|\'[^\'\n]*\'|\$?\w+|\S', text)


_names = st.sampled_from(["Dense", "Block", "n", "größe", "activation", "units"])
_atoms = st.one_of(
    st.sampled_from(["3", "-1", "0.5", "1e-4", '"relu"', "'relu'", "'it\\'s'", "'a\"b'"]),
    st.sampled_from(["true", "None", "$n", "x", "( )", "[ ]", "{ }", "HPO(range(1,2,step=1))"]),
)


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    many = st.lists(inner, min_size=1, max_size=5)
    pairs = st.lists(st.tuples(_names, st.sampled_from(":="), inner), max_size=4)
    return st.one_of(
        many.map(lambda v: f"[{','.join(v)}]"),
        many.map(lambda v: f"({' , '.join(v)},)"),
        inner.map(lambda v: f"({v})"),
        pairs.map(lambda p: f"Call({','.join(k + s + v for k, s, v in p)})"),
        pairs.map(lambda p: "{" + " ".join(f"{k}{s}{v}" for k, s, v in p) + "}"),
        pairs.map(lambda p: "{" + "".join(f"{k}{s}{v}," for k, s, v in p) + '@"cpu"}'),
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})"),
    )


values = st.recursive(_atoms, _compound, max_leaves=8)
_arguments = st.one_of(
    st.just(""),
    st.just("( )"),
    st.lists(st.tuples(st.sampled_from(["", "units=", "activation : "]), values), max_size=4).map(
        lambda a: f"({','.join(n + v for n, v in a)}{',' if a else ''})"
    ),
)
_separator = st.sampled_from([" ", ",", ";", "\n", "\n\n\n", " , "])


def _item(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    block = st.lists(st.tuples(inner, _separator), max_size=3).map(
        lambda v: "{" + "".join(a + b for a, b in v) + "}"
    )
    postfix = st.sampled_from(["", "*2", "@'cpu'", " *\n$n", '* 3 @ "cuda:0"'])
    return st.one_of(
        st.tuples(_names, _arguments, block, postfix).map("".join),
        block.map(lambda b: f"branch:{b}"),
    )


_items = st.recursive(st.tuples(_names, _arguments).map("".join), _item, max_leaves=4)
_layer_lists = st.lists(st.tuples(_items, _separator), min_size=1, max_size=4).map(
    lambda v: "".join(a + b for a, b in v)
)
_inputs = st.sampled_from(
    ["(3,)", "3,", "(None,28,28,1)", "(1),(2),", "[(1),[2]]", "{a:(3) b:4,}", "a:(1,) b:2", "[1,2]"]
)
_sections = st.tuples(
    _inputs.map(lambda i: f"input: {i}\n"),
    st.one_of(
        _layer_lists.map(lambda v: f"layers: {v}\n"), _layer_lists.map(lambda v: f"layers:[{v}],")
    ),
    st.one_of(st.just(""), values.map(lambda v: f"loss:{v};")),
    st.sampled_from(["", "optimizer: Adam(lr:1) {a:1 b=2}\n", 'optimizer:"SGD(lr=1)",']),
    values.map(lambda v: f"train:{{epochs:{v} loss=2 {chr(10)}@'gpu';}}"),
).flatmap(lambda s: st.permutations(s).map("".join))
_pieces = st.one_of(
    _sections.map(lambda s: f"network N{{{s}}}"),
    st.tuples(st.sampled_from(["", "(a)", "(n,k=2,)"]), _layer_lists).map(
        lambda m: f"define M{m[0]}{{{m[1]}}}"
    ),
    st.just('research R { any text: 3 "x"\n   { more } }'),
)
_programs = st.one_of(
    st.lists(
        st.tuples(_pieces, st.sampled_from([" ", "\n", "\n\n\n"])), min_size=1, max_size=3
    ).map(lambda v: "".join(a + b for a, b in v)),
    st.tuples(st.sampled_from(["", "input: a:(3) ", "input: 4; ", "layers:"]), _layer_lists).map(
        "".join
    ),
)


@st.composite
def programs_drawn(draw: st.DrawFn) -> str:
    """A program in any form of the grammar, with no comments in it; most mean nothing."""
    return draw(_programs)


comments = st.sampled_from(
    [" # one\n", "\n  // two\n", " /* three */ ", "/*four*/\n", "\n/* five */ ", "\n\n# six\n\n\n",
     " /* seven\n   * lines */ ", "\n\t/* eight\n\t   lines\n */\n", " # nine\n# ten\n"]
)  # fmt: skip
