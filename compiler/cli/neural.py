"""`neural`: the toolbox around the compiler.

In: arguments. Out: what the subcommand does. Each subcommand is a file of its own, loaded when it
is first named, so that none pays for the others.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

from ... import __version__
from . import guard
from .help import HelpfulGroup
from .parameters import SETTINGS

COMMANDS = {
    "check": "check",
    "compile": "neuralc",
    "run": "run",
    "inspect": "inspect",
    "fmt": "fmt",
    "lsp": "lsp",
    "summary": "summary",
    "visualize": "visualize",
    "debug": "debug",
    "explain": "explain",
    "layers": "layers",
    "passes": "passes",
}
"""Subcommands and the modules of this folder that hold them."""


class Toolbox(HelpfulGroup):
    """A group that imports a subcommand when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{COMMANDS[cmd_name]}", __package__)
        return module.command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            from difflib import get_close_matches

            close = get_close_matches(name, COMMANDS, n=1)
            hint = f", did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"there is no command {name!r}{hint}")
        return super().resolve_command(ctx, args)


@click.command(cls=Toolbox, context_settings=SETTINGS)
@click.version_option(__version__, message="neural %(version)s")
def command() -> None:
    """Check, compile, run and look into Neural programs."""


def main() -> None:
    """The entry point of the script `neural`."""
    guard.script(command, "neural")
