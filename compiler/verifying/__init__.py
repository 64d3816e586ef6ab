"""Compiled models against the float64 interpreter: samples, bounds, and where an error arises."""
