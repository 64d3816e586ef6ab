"""The LALR tables of the grammar, computed once per machine and user.

In: `grammar.lark`. Out: `run_parser`, which parses a text with the actions of a `TreeBuilder`.

Computing the tables takes longer than everything else that `neural check` does, so they are kept in
the user's cache directory. The file's name says what the tables depend on (grammar, lark, Python),
its first bytes are a hash of the rest, and it holds plain data that is never executed. A file that
cannot be read is computed anew; one that cannot be written is not.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

from ..user_cache import cache_directory
from .tree_builder import TreeBuilder

GRAMMAR_FILE = Path(__file__).with_name("grammar.lark")
STARTS = ("file", "expression")

_DIGEST_SIZE = hashlib.sha256().digest_size


class _Actions(threading.local):
    """The actions that the parser calls: those of the builder at work in this thread.

    lark asks for them once, when the tables are loaded; rules without an action of their own are
    spliced into others.
    """

    builder: TreeBuilder

    def __getattr__(self, rule: str) -> Callable[[list[Any]], Any]:
        if rule.startswith("_") or not hasattr(TreeBuilder, rule):
            raise AttributeError(rule)
        return lambda children: getattr(self.builder, rule)(children)


_actions = _Actions()


def run_parser(text: str, start: str, builder: TreeBuilder) -> Any:
    """What the actions of `builder` make of `text` as a `start` (one of STARTS).

    Raises lark's UnexpectedInput at the first place that the grammar does not allow.
    """
    parser = load_parser()
    _actions.builder = builder
    try:
        return parser.parse(text, start=start)
    finally:
        del _actions.builder


@lru_cache(maxsize=1)
def load_parser() -> Any:
    """The parser, from the cache where there is a sound one."""
    grammar = GRAMMAR_FILE.read_bytes()
    file = cache_file(grammar)
    if file is not None:
        # Whatever is wrong with the file, the tables can be had without it.
        with suppress(Exception):
            return _read(file)
    parser = lark.Lark(
        grammar.decode("utf-8"),
        parser="lalr",
        lexer="contextual",
        start=list(STARTS),
        maybe_placeholders=False,
        transformer=_actions,
    )
    if file:
        _write(file, parser)
    return parser


def cache_file(grammar: bytes) -> Path | None:
    """Where the tables of `grammar` are kept, or None where the user has no cache directory."""
    key = hashlib.sha256(grammar)
    for part in (lark.__version__, sys.implementation.cache_tag or "", str(STARTS)):
        key.update(b"\0" + part.encode())
    directory = cache_directory()
    return directory / f"grammar-{key.hexdigest()[:24]}.tables" if directory else None


def _read(file: Path) -> Any:
    """The parser whose tables are in `file`; raises any exception if they are not sound."""
    content = file.read_bytes()
    digest, payload = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
    if hashlib.sha256(payload).digest() != digest:
        raise ValueError(f"{file} is damaged")
    data, memo = marshal.loads(payload)
    load: Any = lark.Lark._load_from_dict
    return load(data, memo, transformer=_actions)


def _write(file: Path, parser: Any) -> None:
    """Write beside the file and rename, so that other processes see all of it or nothing."""
    payload = marshal.dumps(_plain(parser.memo_serialize([TerminalDef, Rule])))
    with suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(hashlib.sha256(payload).digest() + payload)
            os.replace(name, file)
        except OSError:
            os.unlink(name)


def _plain(data: Any) -> Any:
    """`data` in the built-in types that marshal takes: lark's may be subclasses of them."""
    if isinstance(data, dict):
        return {_plain(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(item) for item in data]
    if isinstance(data, str):
        return str(data)
    if isinstance(data, bool) or data is None:
        return data
    if isinstance(data, int):
        return int(data)
    if data is _actions:
        return None
    raise TypeError(f"lark's tables hold a {type(data).__name__}")
