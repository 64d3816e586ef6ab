"""A tuning record repeats a compilation, and a wrong one is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import neuralc
import pytest
from neuralc.compiler.compiled_model import CompiledModel
from neuralc.compiler.tuning import tuning
from neuralc.compiler.tuning.record import TuningRecord, read_record
from neuralc.ir.diagnostic import CompileError

from .conftest import PROGRAM, Table
from .test_tuner import FASTER


@pytest.fixture(scope="module")
def measured() -> Iterator[CompiledModel]:
    """A model whose forms were measured; whoever measures again fails."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "ProcessStopwatch", lambda provider, threads: Table(FASTER))
        model = neuralc.compile(PROGRAM, opt_level=3, tuning_cache=False)
        patch.setattr(tuning, "ProcessStopwatch", None)
        yield model


def text_of(model: CompiledModel) -> str:
    assert model.tuning is not None
    return model.tuning.text()


def code_of(record: str, folder: Path) -> str:
    """The code of the error with which a record is refused when it is read."""
    file = folder / "record.json"
    file.write_text(record, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(CompileError) as caught:
        read_record(file)
    return caught.value.diagnostics[0].code


def test_a_record_gives_the_same_bytes(measured: CompiledModel, tmp_path: Path) -> None:
    record, model = tmp_path / "record.json", tmp_path / "model.onnx"
    record.write_text(text_of(measured), encoding="utf-8")
    measured.save(model)
    for file in (record, model):
        again = neuralc.compile(PROGRAM, opt_level=3, tuning=file)
        assert again.to_bytes() == measured.to_bytes()
        assert again.tuning == measured.tuning
        assert text_of(again) == text_of(measured)


def test_a_record_without_figures_of_the_whole_model(
    measured: CompiledModel, tmp_path: Path
) -> None:
    told = json.loads(text_of(measured))
    del told["model"]
    file = tmp_path / "record.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    again = neuralc.compile(PROGRAM, opt_level=3, tuning=file)
    assert again.report.forms == measured.report.forms


CHOICE = {"form": "gemm", "nodes": 1, "microseconds": {"gemm": 1.0}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", 2),
        ("machine", []),
        ("machine", {"processor": None}),
        ("target", 3),
        ("precision", None),
        ("sizes", {"B": 0}),
        ("sizes", {"B": True}),
        ("sizes", {"B": 2**70}),
        ("choices", []),
        ("choices", {"gelu()": 3}),
        ("choices", {"gelu()": {**CHOICE, "form": ["gemm"]}}),
        ("choices", {"gelu()": {**CHOICE, "form": "\ud800"}}),
        ("choices", {"gelu()": {**CHOICE, "nodes": 0.5}}),
        ("choices", {"gelu()": {**CHOICE, "microseconds": {"gemm": -1}}}),
        ("choices", {"gelu()": {**CHOICE, "microseconds": {"gemm": float("nan")}}}),
        ("choices", {"gelu()": {**CHOICE, "microseconds": {"gemm": 10**400}}}),
        ("without", "flatten_rows"),
        ("without", [1]),
        ("model", []),
        ("model", {"taken": "-O2", "rounds": 7, "microseconds": {}, "faster": {"a": [1, 2]}}),
    ],
)
def test_a_damaged_record(name: str, value: Any, measured: CompiledModel, tmp_path: Path) -> None:
    told = json.loads(text_of(measured)) | {name: value}
    assert code_of(json.dumps(told), tmp_path) == "E0640"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '{"version": 1}', "\udcff"])
def test_what_is_no_record(text: str, tmp_path: Path) -> None:
    assert code_of(text, tmp_path) == "E0640"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    plain = tmp_path / "plain.onnx"
    neuralc.compile(PROGRAM).save(plain)
    (tmp_path / "large.json").write_bytes(b" " * (17 << 20))
    for file, code in (
        (tmp_path / "none.json", "E0501"),
        (tmp_path, "E0502"),
        (tmp_path / "none.onnx", "E0501"),
        (plain, "E0640"),
        (tmp_path / "large.json", "E0640"),
    ):
        with pytest.raises(CompileError) as caught:
            read_record(file)
        assert [each.code for each in caught.value.diagnostics] == [code], file


def without_form(told: Any) -> None:
    for signature, each in told["choices"].items():
        each["form"] = "unheard" if signature.startswith("gelu") else each["form"]


def without_gelu(told: Any) -> None:
    told["choices"] = {k: v for k, v in told["choices"].items() if not k.startswith("gelu")}


def unknown_pass(told: Any) -> None:
    told["without"] = ["bound_scores"]


def for_portable(told: Any) -> None:
    told["target"] = "portable"


def at_another_size(told: Any) -> None:
    told["sizes"] = {"B": 2}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (without_form, "E0642"),
        (unknown_pass, "E0642"),
        (for_portable, "E0641"),
        (at_another_size, "E0641"),
    ],
)
def test_a_record_of_something_else(
    change: Callable[[Any], None], code: str, measured: CompiledModel, tmp_path: Path
) -> None:
    told = json.loads(text_of(measured))
    change(told)
    file = tmp_path / "record.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(CompileError) as caught:
        neuralc.compile(PROGRAM, opt_level=3, tuning=file)
    assert [each.code for each in caught.value.diagnostics] == [code]


def test_the_table_decides_what_a_record_leaves_open(
    measured: CompiledModel, tmp_path: Path
) -> None:
    told = json.loads(text_of(measured))
    without_gelu(told)
    file = tmp_path / "record.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    again = neuralc.compile(PROGRAM, opt_level=3, tuning=file)
    (note,) = [each for each in again.report.diagnostics if each.code == "N0640"]
    assert note.message == "1 of 9 choices of forms were not measured (gelu)"


def test_records_survive_their_text(measured: CompiledModel) -> None:
    assert TuningRecord.from_json(json.loads(text_of(measured))) == measured.tuning


def test_without_the_runtime(measured: CompiledModel, tmp_path: Path) -> None:
    """-O3 says what is missing; with a record it needs no runtime."""
    program, record = tmp_path / "small.neural", tmp_path / "record.json"
    program.write_text(PROGRAM)
    record.write_text(text_of(measured), encoding="utf-8")
    script = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from neuralc.compiler.cli.neuralc import main\n"
        f"sys.argv = ['neuralc', {str(program)!r}, '-O3', '-o', {str(tmp_path / 'm.onnx')!r}]\n"
        "sys.argv += [{}]\n"
        "main()\n"
    )
    run = [sys.executable, "-c"]
    plain = subprocess.run([*run, script.format("")], capture_output=True, text=True)
    assert plain.returncode == 3
    assert "E0507" in plain.stderr
    assert "--tuning" in plain.stderr
    given = script.format(f"'--tuning', {str(record)!r}")
    told = subprocess.run([*run, given], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "m.onnx").is_file()
