"""Colours for programs, in documents and on terminals."""
