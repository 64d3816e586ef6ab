"""The ops of the IR, one family a file, each defined whole on adjacent lines.

In: operand types and attributes. Out: `OpSpec` values in the registry of `ir/spec.py`.
"""
