"""`neural lsp`: the language server.

In: an editor, over standard input and output. Out: diagnostics and answers until it is shut down.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from ...ir.diagnostic import ExitStatus, failure
from .help import HelpfulCommand
from .messages import Messages
from .parameters import SETTINGS

EXAMPLES = (("neural lsp", "what an editor's configuration names as the command"),)


@click.command(name="lsp", cls=HelpfulCommand, context_settings=SETTINGS, examples=EXAMPLES)
@click.option("--stdio", is_flag=True, help="speak over standard input and output, as always")
@click.pass_obj
def command(messages: Messages, /, stdio: bool) -> int:
    """Serve editors: diagnostics as you type, hover, completion, formatting (docs/editors.md)."""
    del messages, stdio
    try:
        from ..language_server.server import make_server
    except ImportError as error:
        raise failure(
            "E0522",
            f"the language server needs a package that is not installed ({error.name})",
            help='pip install "neuralc[lsp]"',
        ) from error
    import logging

    # The protocol has the output for itself, and editors show what comes as an error.
    logging.getLogger("pygls").setLevel(logging.ERROR)
    server = make_server()
    server.start_io()
    if sys.stdout.closed:  # the protocol's writer has closed it, and nothing more is to be said
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
    # An editor that ends without asking for a shutdown has failed, says the protocol.
    return ExitStatus.DONE if server.was_shut_down else ExitStatus.WRONG_PROGRAM
