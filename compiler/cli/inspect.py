"""`neural inspect`: what a compiled file says about itself.

In: an .onnx file. Out: its inputs and outputs, how it was compiled, what it needs, what was
verified.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ...ir.diagnostic import ExitStatus, failure
from ..output import write_stdout
from .help import HelpfulCommand
from .messages import Messages
from .parameters import PATH, SETTINGS


@click.command(name="inspect", cls=HelpfulCommand, context_settings=SETTINGS)
@click.argument("model", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="as JSON")
@click.pass_obj
def command(messages: Messages, /, model: Path, as_json: bool) -> int:
    """What a compiled MODEL (an .onnx file) holds and needs."""
    told = describe_model(model)
    write_stdout(json.dumps(told, indent=2, ensure_ascii=False) if as_json else _text(told))
    return ExitStatus.DONE


def describe_model(path: Path) -> dict[str, Any]:
    """Everything that the file says, JSON-ready. Raises `CompileError` for what is no model."""
    import onnx

    from ...runtime.model_file import read_metadata

    read_metadata(path)
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:
        raise failure("E0512", f"`{path}` is not an ONNX model: {error}") from error
    try:
        told = _describe(path, model)
        json.dumps(told)
        _text(told)
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        # A damaged file can be read and yet have bytes where texts, or types that there are not.
        raise failure("E0512", f"`{path}` is damaged: {error}") from error
    return told


def _describe(path: Path, model: Any) -> dict[str, Any]:
    from .. import metadata_entries as keys

    metadata = {entry.key: entry.value for entry in model.metadata_props}
    weights = list(model.graph.initializer)
    external = {
        entry.value for each in weights for entry in each.external_data if entry.key == "location"
    }
    ops: dict[str, int] = {}
    for node in model.graph.node:
        name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        ops[name] = ops.get(name, 0) + 1
    ours = {key: value for key, value in vars(keys).items() if key.isupper()}
    return {
        "file": str(path),
        "name": model.graph.name,
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "ir_version": model.ir_version,
        "opsets": {each.domain or "ai.onnx": each.version for each in model.opset_import},
        "inputs": [_tensor(each) for each in model.graph.input],
        "outputs": [_tensor(each) for each in model.graph.output],
        "nodes": len(model.graph.node),
        "ops": dict(sorted(ops.items())),
        "weights": {
            "tensors": len(weights),
            "elements": sum(_elements(each) for each in weights),
            "files": sorted(external),
        },
        "target": keys.read_entry(metadata, keys.TARGET, {}),
        "options": keys.read_entry(metadata, keys.OPTIONS, {}),
        "pipeline": keys.read_entry(metadata, keys.PIPELINE, []),
        "fused": keys.read_entry(metadata, keys.FUSED, {}),
        "products": keys.read_entry(metadata, keys.PRODUCTS, {}),
        "session_options": keys.read_entry(metadata, keys.SESSION_OPTIONS, {}),
        "sizes": keys.read_entry(metadata, keys.SIZES, {}),
        "source_map": len(keys.source_map(metadata)),
        "tuning": _tuning(keys.read_entry(metadata, keys.TUNING, None)),
        "verification": keys.read_entry(metadata, keys.VERIFICATION, None),
        "sections": {
            key: keys.read_entry(metadata, key, value)
            for key, value in metadata.items()
            if key not in ours.values()
        },
    }


def _text(told: dict[str, Any]) -> str:
    target, weights = told["target"], told["weights"]
    oldest = target.get("oldest_runtime")
    opsets = ", ".join(f"{domain} {version}" for domain, version in told["opsets"].items())
    verification = told["verification"]
    rows = [
        ("name", told["name"]),
        ("made by", told["producer"] or "not said"),
        ("target", target.get("name", "not said")),
        ("needs", f"ONNX Runtime {oldest} or newer" if oldest else "not said"),
        ("opset", f"{opsets}; IR version {told['ir_version']}"),
        *(("input", _shown(each)) for each in told["inputs"]),
        *(("output", _shown(each)) for each in told["outputs"]),
        *(("open axis", f"{name}: {_bounds(each)}") for name, each in told["sizes"].items()),
        ("weights", f"{weights['elements']:,} numbers in {weights['tensors']} tensors"),
        *(("weights in", each) for each in weights["files"]),
        ("nodes", f"{told['nodes']}, {told['source_map']} of them with a place in the source"),
        ("options", _pairs(told["options"]) or "not said"),
        ("pipeline", ", ".join(told["pipeline"]) or "none"),
        ("fused", _pairs(told["fused"]) or "nothing"),
        *([("products", _pairs(told["products"]))] if told["products"] else []),
        ("session options", _pairs(told["session_options"]) or "none"),
        *(("measured", line) for line in (_measured(told["tuning"]) if told["tuning"] else ())),
        ("verified", _verified(verification) if verification else "no (--verify does it)"),
        *((key, json.dumps(value, ensure_ascii=False)) for key, value in told["sections"].items()),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _tensor(info: Any) -> dict[str, Any]:
    import onnx

    kind = info.type.tensor_type
    if not kind.elem_type:
        # A sequence, a map or an optional value, which the compiler never writes.
        return {"name": info.name, "dtype": info.type.WhichOneof("value") or "?", "shape": None}
    shape = [axis.dim_param or axis.dim_value or "?" for axis in kind.shape.dim]
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name
    if kind.elem_type == onnx.TensorProto.STRING:
        dtype = "string"
    known = kind.HasField("shape")
    return {"name": info.name, "dtype": dtype, "shape": shape if known else None}


def _elements(tensor: Any) -> int:
    count = 1
    for size in tensor.dims:
        count *= size
    return count


def _shown(tensor: dict[str, Any]) -> str:
    shape = "…" if tensor["shape"] is None else ", ".join(map(str, tensor["shape"]))
    return f"{tensor['name']}: {tensor['dtype']}[{shape}]"


def _bounds(size: dict[str, Any]) -> str:
    most = size.get("maximum")
    bounds = f"{size.get('minimum', 1)} to {most}" if most else f"{size.get('minimum', 1)} or more"
    return f"{bounds}, {size['origin']}" if size.get("origin") else bounds


def _tuning(told: Any) -> dict[str, Any] | None:
    """The record of -O3. Raises `ValueError` where there is one that it did not write."""
    if told is None:
        return None
    from ..tuning.record import TuningRecord

    return TuningRecord.from_json(told).as_json()


def _measured(record: dict[str, Any]) -> list[str]:
    """The record of -O3, a line each: where, every choice, and how the whole model did."""
    machine, model = record["machine"], record.get("model")
    where = ", ".join(f"{name} {value}" for name, value in machine.items())
    lines = [f"on {where}; at {_pairs(record['sizes']) or 'fixed sizes'}"]
    for signature, choice in record["choices"].items():
        times = ", ".join(f"{name} {us:g} µs" for name, us in choice["microseconds"].items())
        lines.append(f"{choice['nodes']} × {signature} as {choice['form']}: {times}")
    if model is not None:
        times = ", ".join(f"{name} {us:g} µs" for name, us in model["microseconds"].items())
        lines.append(f"the whole model: {times}; taken: {model['taken']}")
    if record["without"]:
        lines.append(f"left out: {', '.join(record['without'])}")
    return lines


def _pairs(mapping: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in mapping.items())


def _verified(told: dict[str, Any]) -> str:
    quantized = "meaning_rms" in told
    words = (
        f"RMS error {told['rms']:.2e}, maximum {told['max']:.2e} against "
        f"{'the quantized graph in ' if quantized else ''}float64, over "
        f"{told['cases']} cases on {told['provider']}"
    )
    if quantized:
        words += f"; {told['meaning_rms']:.2e} and {told['meaning_max']:.2e} against float64"
    return words
