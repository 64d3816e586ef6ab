"""The canonical layout of programs, comments kept."""
