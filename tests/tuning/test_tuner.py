"""-O3 takes what was measured fastest, if the whole model is faster with it."""

from __future__ import annotations

from typing import Any

import neuralc
import pytest
from neuralc.compiler.compiled_model import CompiledModel
from neuralc.compiler.tuning import host as host_module
from neuralc.compiler.tuning import tuner, whole_model
from neuralc.compiler.tuning import tuning as tuning_module
from neuralc.compiler.tuning.significance import times_as_fast
from neuralc.ir.diagnostic import CompileError
from neuralc.passes import form_choice

from .conftest import PROGRAM, Table, Use, kernels

FASTER = {"primitive": 50.0, "measured": 90.0}
"""Gelu in its parts, alone and in the whole model."""


def compiled(program: str = PROGRAM, **options: Any) -> CompiledModel:
    return neuralc.compile(program, opt_level=3, **options)


def choice(model: CompiledModel, op: str) -> Any:
    assert model.tuning is not None
    (found,) = [each for name, each in model.tuning.choices.items() if name.startswith(f"{op}(")]
    return found


def test_the_form_measured_fastest_is_taken(use: Use) -> None:
    use(Table(FASTER))
    model = compiled()
    gelu = choice(model, "gelu")
    assert gelu.form == "primitive"
    assert gelu.microseconds == {"gelu20": 100.0, "primitive": 50.0}
    found = kernels(model.to_bytes())
    assert (found["Erf"], found.get("Gelu")) == (3, None)
    assert model.tuning is not None
    assert model.tuning.model is not None
    assert model.tuning.model.taken == "measured"
    remarks = [each.message for each in model.report.remarks if each.code == "R0803"]
    assert "gelu as primitive: 50 µs at these sizes here (gelu20 100 µs) (3 times)" in remarks
    model.verify()


def test_equal_layers_are_one_choice(use: Use) -> None:
    table = use(Table())
    model = compiled()
    assert choice(model, "attention").nodes == 3
    assert table.contests.count("attention") == table.contests.count("qkv_projection") == 1
    assert table.contests[-1] == "closed"


def test_forms_of_level_2_stay_where_the_whole_model_gains_nothing(use: Use) -> None:
    use(Table({**FASTER, "measured": 99.9}))
    model = compiled()
    assert choice(model, "gelu").form == "gelu20"
    assert model.tuning is not None
    assert model.tuning.model is not None
    assert model.tuning.model.taken == "-O2"
    assert kernels(model.to_bytes()) == kernels(neuralc.compile(PROGRAM).to_bytes())


def test_of_level_forms_that_of_level_2_stays(use: Use) -> None:
    use(Table({"primitive": 98.0, "measured": 1.0}))
    assert choice(compiled(), "gelu").form == "gelu20"


def test_of_level_forms_one_that_spares_large_scores_is_tried(
    use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Table({"measured": 90.0}))
    assert choice(compiled(tuning_cache=False), "attention").form == "attention23"
    for module in (form_choice, tuner):
        monkeypatch.setattr(module, "LARGE_SCORES", 100)
    # The table puts mha at twice the time of attention23, but here they are level.
    assert neuralc.compile(PROGRAM).report.forms["attention=attention23"] == 3
    assert choice(compiled(tuning_cache=False), "attention").form == "mha"


def test_a_pass_that_does_not_pay_is_left_out(use: Use) -> None:
    use(Table({"-O2 without reduce_as_product": 50.0}))
    model = compiled()
    assert model.tuning is not None
    assert model.tuning.without == ("reduce_as_product",)
    assert "reduce_as_product" not in model.report.pipeline
    assert "ReduceMean" in kernels(model.to_bytes())
    assert "ReduceMean" not in kernels(neuralc.compile(PROGRAM).to_bytes())
    model.verify()


TOGETHER = "measured + -O2 without reduce_as_product"


@pytest.mark.parametrize(
    ("together", "taken", "without"),
    [
        (80.0, TOGETHER, ("reduce_as_product",)),
        (89.9, "measured", ()),
        (110.0, "measured", ()),
    ],
)
def test_what_gains_apart_is_tried_together(
    together: float, taken: str, without: tuple[str, ...], use: Use
) -> None:
    times = {**FASTER, "-O2 without reduce_as_product": 95.0, TOGETHER: together}
    table = use(Table({**times, "measured": 89.0}))
    model = compiled()
    assert model.tuning is not None
    assert model.tuning.model is not None
    assert (model.tuning.model.taken, model.tuning.without) == (taken, without)
    assert choice(model, "gelu").form == "primitive"
    assert model.tuning.model.microseconds["-O2 without reduce_as_product"] == 95.0
    assert table.contests.count("the whole model") == 2


def test_sets_of_choices_that_hold_each_other_are_not_tried_together(use: Use) -> None:
    times = {"decomposed": 50.0, "the largest gain alone": 95.0}
    table = use(Table({**FASTER, **times}))
    assert choice(compiled(), "gelu").form == "primitive"
    assert table.contests.count("the whole model") == 1


def test_nodes_that_a_form_is_written_in_are_measured_too(use: Use) -> None:
    use(Table({"packed": 10.0, "measured": 10.0}))
    model = compiled()
    assert choice(model, "qkv_projection").form == "packed"
    assert model.tuning is not None
    assert any("f32[16, 48] weight" in each for each in model.tuning.choices if "linear" in each)


def test_what_the_user_asked_for_is_not_measured(use: Use) -> None:
    table = use(Table(FASTER))
    model = compiled(forms={"gelu": "gelu20"})
    assert "gelu" not in table.contests
    assert "Gelu" in kernels(model.to_bytes())


def test_a_form_that_cannot_run_is_not_taken(use: Use) -> None:
    use(Table(FASTER, refused=("gelu20",)))
    assert choice(compiled(), "gelu").microseconds == {"primitive": 50.0}


def test_without_time_the_table_decides_and_a_note_says_so(use: Use) -> None:
    table = use(Table(FASTER))
    model = compiled(tuning_time=1e-9)
    assert table.contests == ["closed"]
    assert "N0640" in {each.code for each in model.report.diagnostics}
    assert kernels(model.to_bytes()) == kernels(neuralc.compile(PROGRAM).to_bytes())


def test_too_large_a_model_keeps_the_forms_of_level_2(
    use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = neuralc.compile(PROGRAM).report.weight_bytes
    table = use(Table(FASTER))
    monkeypatch.setattr(whole_model, "free_memory", lambda: 3.0 * weights)
    model = compiled()
    assert "the whole model" not in table.contests
    assert choice(model, "gelu").form == "gelu20"
    monkeypatch.setattr(whole_model, "free_memory", lambda: 5.0 * weights)
    model = compiled()
    assert model.tuning is not None
    assert model.tuning.model is not None
    assert list(model.tuning.model.microseconds) == ["-O2", "measured"]


def test_free_memory_is_known() -> None:
    assert whole_model.free_memory() > 1 << 20


def test_figures_are_kept_for_the_next_compilation(use: Use) -> None:
    use(Table(FASTER))
    first = compiled().to_bytes()
    again = use(Table({"gelu20": 1.0}))
    assert compiled().to_bytes() == first
    assert again.contests == ["closed"]
    compiled(tuning_cache=False)
    assert "gelu" in again.contests


@pytest.mark.parametrize("what", ["processor", "instructions", "threads", "runtime", "neuralc"])
def test_figures_of_another_machine_are_not_used(
    what: str, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(Table(FASTER))
    compiled()
    here = host_module.host
    monkeypatch.setattr(tuning_module, "host", lambda *given: {**here(*given), what: "another one"})
    again = use(Table())
    assert choice(compiled(), "gelu").form == "gelu20"
    assert "gelu" in again.contests


def test_a_damaged_cache_is_measured_anew(use: Use, tmp_path: Any) -> None:
    use(Table(FASTER))
    compiled()
    (file,) = (tmp_path / "cache" / "neuralc").glob("tuning-*.json")
    whole = file.read_text()
    for damaged in ("{", whole.replace("50.0", '"a"')):
        file.write_text(damaged)
        assert choice(compiled(), "gelu").form == "primitive"
        assert file.read_text() != damaged


def test_sizes_to_measure_at(use: Use) -> None:
    use(Table())
    model = compiled(dynamic="seq", tuning_sizes={"batch": 8, "seq": 4})
    assert model.tuning is not None
    assert model.tuning.sizes == {"B": 8, "S": 4}
    assert any("gelu(f32[32, 32])" in each for each in model.tuning.choices)
    assert compiled(dynamic="seq").tuning.sizes == {"B": 1, "S": 6}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"tuning_sizes": {"rows": 8}}, "E0514"),
        ({"dynamic": "seq", "tuning_sizes": {"seq": 7}}, "E0510"),
        ({"tuning_sizes": {"batch": 0}}, "E0510"),
        ({"tuning_time": 0.0}, "E0510"),
        ({"tuning_threads": -1}, "E0510"),
        ({"opt_level": 2, "tuning_threads": 1}, "E0510"),
        ({"opt_level": 2, "tuning": "record.json"}, "E0510"),
    ],
)
def test_wrong_options(options: dict[str, Any], code: str, use: Use) -> None:
    use(Table())
    with pytest.raises(CompileError) as caught:
        neuralc.compile(PROGRAM, **{"opt_level": 3, **options})
    assert [each.code for each in caught.value.diagnostics] == [code]


def test_how_many_times_as_fast() -> None:
    assert times_as_fast([3.0] * 7, [2.0] * 7) == (1.5, 1.5, 1.5)
    median, low, high = times_as_fast([1.0, 2.0, 3.0, 4.0, 5.0], [2.0] * 5)
    assert (median, low, high) == (1.5, 0.5, 2.5)
