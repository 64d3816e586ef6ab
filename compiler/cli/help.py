"""How `--help` looks: options in named groups, examples below.

In: click commands. Out: help text, bold and coloured on a terminal. Written here because drawing
with rich takes longer than all the rest of `--help`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

MAX_WIDTH = 100


class Formatter(click.HelpFormatter):
    """Headings in bold, names in colour."""

    def __init__(self) -> None:
        import shutil

        super().__init__(width=min(shutil.get_terminal_size().columns, MAX_WIDTH))
        self.colored = (
            sys.stdout.isatty()
            and not os.environ.get("NO_COLOR")
            and os.environ.get("TERM") != "dumb"
        )

    def write_heading(self, heading: str) -> None:
        self.write(f"{self.style(heading, bold=True)}\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 34, col_spacing: int = 2
    ) -> None:
        super().write_dl(
            [(self.style(name, fg="cyan"), text) for name, text in rows], col_max, col_spacing
        )

    def style(self, text: str, **how: Any) -> str:
        return click.style(text, **how) if self.colored else text


class HelpfulCommand(click.Command):
    """A command whose options are shown in groups.

    `groups` maps a heading to the parameters' names; an option that is in none of them comes under
    "Other". `examples` are (command line, what it does).
    """

    def __init__(
        self,
        *arguments: Any,
        groups: Mapping[str, Sequence[str]] | None = None,
        examples: Sequence[tuple[str, str]] = (),
        **more: Any,
    ) -> None:
        super().__init__(*arguments, **more)
        self.groups = dict(groups or {})
        self.examples = tuple(examples)

    def get_help(self, ctx: click.Context) -> str:
        formatter = Formatter()
        self.format_help(ctx, formatter)
        return formatter.getvalue().rstrip("\n")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows: dict[str, list[tuple[str, str]]] = {heading: [] for heading in self.groups}
        headings = {name: heading for heading, names in self.groups.items() for name in names}
        other = "Other" if self.groups else "Options"
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                heading = headings.get(parameter.name or "", other)
                rows.setdefault(heading, []).append(record)
        for heading, records in rows.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)
        if self.examples:
            with formatter.section("Examples"):
                for line, purpose in self.examples:
                    formatter.write(f"  {line}\n")
                    formatter.write(f"      {purpose}\n")


class HelpfulGroup(click.Group):
    """A group of commands, shown in their own order with their whole first sentence."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None:
                rows.append((name, command.get_short_help_str(limit=MAX_WIDTH)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def get_help(self, ctx: click.Context) -> str:
        formatter = Formatter()
        self.format_help(ctx, formatter)
        return formatter.getvalue().rstrip("\n")
