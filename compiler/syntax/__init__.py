"""Text to AST: reading a source, the grammar, the parser, and syntax errors in plain words."""
