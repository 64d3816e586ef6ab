"""The language server: what editors ask about programs, by the Language Server Protocol."""
