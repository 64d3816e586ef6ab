"""AST to model: what a program means, with every mistake in it reported."""
