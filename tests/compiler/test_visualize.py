"""Pictures: everything is drawn, nothing overlaps or is fetched, equal input gives equal bytes."""

from __future__ import annotations

import re
import sys
import zlib
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import neuralc
import pytest
from neuralc.compiler.driver import Compilation
from neuralc.compiler.layers.spec import layer_names
from neuralc.compiler.options import CompileOptions
from neuralc.compiler.summarizing.facts import network_facts
from neuralc.compiler.syntax.source import Source
from neuralc.compiler.visualizing.drawing import Drawing, draw
from neuralc.compiler.visualizing.families import FAMILIES, family_of_layer, family_of_op
from neuralc.compiler.visualizing.html import to_html
from neuralc.compiler.visualizing.svg import to_svg
from neuralc.ir.spec import registry

ROOT = Path(neuralc.__file__).parent
PROGRAMS = [
    path
    for path in sorted((ROOT / "tests" / "programs").glob("*.neural"))
    if "# options" not in path.read_text() and path.read_text().count("# expect") == 1
]
NETWORK = """network N {
  input: { text: (seq,), image: (8, 8, 3) }
  layers:
    text: { Embedding(50, 8) TransformerEncoder(2) * 3 GlobalAveragePooling1D() }
    image: {
      Conv2D(4, 3) BatchNormalization() Conv2D(4, 3) BatchNormalization()
      ResidualConnection { Conv2D(4, 3, padding="same") }
      Flatten() Dense(8)
    }
    Concatenate()
    kind: { Output(3) }
    score: { Dense(1) }
}
"""


def drawing(source: str) -> Drawing:
    compilation = Compilation(Source("t", source), CompileOptions.of(lint=False))
    facts = network_facts(compilation.model, compilation.source_graph)
    return draw(facts, compilation.target_graph, "cpu", 2)


def boxes(picture: Drawing) -> list[tuple[float, float, float, float]]:
    found = {e.number: e for e in picture.scene.elements if e.kind == "box" and e.number >= 0}
    return [(e.x, e.y, e.x + e.width, e.y + e.height) for e in found.values()]


def test_every_layer_and_kernel_is_drawn_with_shapes_and_counts() -> None:
    text = to_svg(drawing(NETWORK))
    root = ElementTree.fromstring(text)
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    for title in ("Embedding", "TransformerEncoder", "Conv2D", "ResidualConnection", "Concatenate"):
        assert title in texts
    assert {"text", "image", "kind", "score", "× 3", "(seq, 8)", "+"} <= set(texts)
    assert "attention · attention23" in texts or any("attention" in (t or "") for t in texts)
    assert any((t or "").startswith("linear") for t in texts)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_nothing_overlaps_and_everything_lies_within(path: Path) -> None:
    picture = drawing(path.read_text())
    found = boxes(picture)
    assert len(found) >= 4
    for one, other in combinations(found, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, (one, other)
    for left, top, right, bottom in found:
        assert 0 <= left < right <= picture.width
        assert 0 <= top < bottom <= picture.height
    for element in picture.scene.elements:
        if element.kind == "size":
            assert element.x + 6.8 * len(element.text) <= picture.width
    ElementTree.fromstring(to_svg(picture))


def test_kernels_are_joined_by_what_they_read() -> None:
    picture = drawing("network N { input: (8,) layers: Dense(4) Dense(3) }")
    edges = [e for e in picture.scene.elements if e.kind == "edge"]
    # Two layers between both ends on the left; two products on the right.
    assert len(edges) == 6
    residual = drawing("network N { input: (8,) layers: ResidualConnection { Dense(8) } }")
    kinds = [e.kind for e in residual.scene.elements]
    assert kinds.count("around") == 1  # the sum reads the input around the product
    assert kinds.count("past") == 1


def test_a_page_fetches_nothing_and_escapes_what_it_shows() -> None:
    page = to_html(drawing(NETWORK.replace("Output(3)", 'Dense(3, name="a-b.c")')))
    links = re.findall(r"https?://[^\"' )<]*", page)
    assert set(links) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"(src|href)=|@import|url\((?!#)", page)
    assert "@PICTURE@" not in page
    assert "@TITLE@" not in page
    assert page.count("<svg") == 1


def test_equal_input_gives_equal_bytes() -> None:
    assert to_html(drawing(NETWORK)) == to_html(drawing(NETWORK))


def test_every_layer_and_op_has_a_colour() -> None:
    assert {family_of_layer(name).key for name in layer_names()} <= set(FAMILIES)
    assert {family_of_op(op).key for op in registry()} <= set(FAMILIES)
    assert family_of_layer("TransformerEncoder").key == "attention"
    assert family_of_layer("Dropout").key == "quiet"


def run(arguments: list[str]) -> int:
    from neuralc.compiler.cli import guard, neural

    return int(guard.run(neural.command, ["visualize", *arguments], "neural"))


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.neural"
    path.write_text(NETWORK)
    return path


def test_the_command_writes_what_the_ending_says(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["model.neural", "-q"]) == 0
    assert Path("model.html").read_text().startswith("<!doctype html>")
    assert run(["model.neural", "-o", "a.svg", "-q"]) == 0
    assert Path("a.svg").read_text().startswith("<svg")
    capsys.readouterr()
    assert run(["model.neural", "-o", "-", "-q"]) == 0
    assert capsys.readouterr().out == Path("a.svg").read_text()
    assert run(["model.neural", "-o", "a.jpg"]) == 2
    assert "E0527" in capsys.readouterr().err
    model.write_text("network N { input: (8,) layers: Dence(3) }")
    before = Path("a.svg").read_bytes()
    assert run(["model.neural", "-o", "a.svg"]) == 1
    assert Path("a.svg").read_bytes() == before


def test_a_png_shows_something(model: Path, monkeypatch: pytest.MonkeyPatch,
                               capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    assert run(["model.neural", "-o", "a.png", "--scale", "0.5", "-q"]) == 0
    data = Path("a.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    pixels = b""
    at = 8
    while at < len(data):
        length = int.from_bytes(data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            pixels += data[at + 8 : at + 8 + length]
        at += 12 + length
    assert len(set(zlib.decompress(pixels))) > 40
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    assert run(["model.neural", "-o", "b.png"]) == 3
    assert "E0528" in capsys.readouterr().err
    assert not Path("b.png").exists()
