"""The menu as a tree and as a picture: every node once, every key with the time at which it has been heard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from drawing.chart import svg_document
from ivr.cli import ESTIMATED_NOTE, CentreMenu, draw_menu
from ivr.flow import sound_checks
from ivr.flow.menu_model import End, MenuFlow
from ivr.flow.menu_model import Menu as MenuNode
from ivr.flow.menu_outline import OutlineItem, OutlineWay, build_outline
from tests.fakes.menu import LENGTHS, closing, example, rich

pytestmark = pytest.mark.unit

SVG = "{http://www.w3.org/2000/svg}"


def items(item: OutlineItem) -> Iterator[OutlineItem]:
    yield item
    for way in item.ways:
        yield from items(way.to)


def find(root: OutlineItem, node: str) -> OutlineItem:
    return next(item for item in items(root) if item.node == node and item.kind != "again")


def keys(item: OutlineItem) -> dict[str, OutlineWay]:
    return {way.key: way for way in item.ways if way.key}


def test_every_node_is_drawn_once_and_named_again_elsewhere() -> None:
    flow = rich()
    root = build_outline(flow, flow.entries["ana"], LENGTHS)
    drawn = [item.node for item in items(root) if item.kind != "again"]
    assert sorted(drawn) == sorted(flow.nodes)
    again = {item.node for item in items(root) if item.kind == "again"}
    assert "temsilci" in again and again <= set(drawn)


def test_a_key_has_been_heard_when_its_option_has_been_said() -> None:
    flow = rich()
    root = build_outline(flow, "karsilama", LENGTHS)
    main, behind = find(root, "ana-menu"), find(root, "diger-menu")
    before = LENGTHS.length_s("karsilama")
    first = keys(main)["1"]
    assert first.heard_s == pytest.approx(before + LENGTHS.length_s("ana-menu-1"))
    menu = flow.nodes["ana-menu"]
    assert isinstance(menu, MenuNode)
    human = sound_checks.menu_times(menu, LENGTHS).human_s
    assert human is not None and keys(main)["0"].heard_s == pytest.approx(before + human)
    assert f"the human's key after {before + human:.1f} of 30 s" in main.lines
    begins = LENGTHS.length_s("menu-son-adim") + 0.8
    assert keys(behind)["1"].heard_s == pytest.approx(begins + LENGTHS.length_s("sosyal-destek-menu"))


def test_each_kind_tells_what_it_does() -> None:
    root = build_outline(rich(), "karsilama", LENGTHS)
    assert "4 to 10 digits, checked as sayi" in find(root, "basvuru").lines
    assert "to the outside number 'alo183'" in find(root, "alo183").lines
    assert "spoken message for gorus_oneri, up to 60 s" in find(root, "mesaj").lines
    assert "in writing: https://mebim.meb.gov.tr" in find(root, "temsilci").lines
    assert find(root, "mesaj-sonu").lines[-1] == "good-bye"
    english = keys(find(root, "ingilizce-menu"))
    assert english["2"].needs == ("needs en 1",)
    assert english["1"].words == "If you are in distress, press 1."


def test_what_can_be_had_by_short_message_stands_at_the_leaf() -> None:
    flow = example()
    leaf = find(build_outline(flow, "karsilama", LENGTHS), "uzaktan-egitim")
    words = dict(flow.queue_node("uzaktan-egitim").sms)["tr"]
    assert leaf.lines[-2:] == ("in writing: https://mebim.meb.gov.tr",
                               f'key 6, with a gateway: short message, "{words}"')
    end = End("son", ("merkez-kapali",), text="https://a.example", sms=(("tr", "Bilgi:"), ("en", "Here:")))
    assert build_outline(flow._replace(nodes={**flow.nodes, "son": end}), "son", LENGTHS).lines[-3:] == (
        "in writing: https://a.example", 'key 6, with a gateway: short message, "Bilgi:"',
        "key 6, with a gateway: short message in 'en', \"Here:\"")
    picture = ElementTree.fromstring(draw_menu(CentreMenu(flow, LENGTHS, {}), svg_document))
    assert "short message" in " ".join("".join(one.itertext()) for one in picture.iter(f"{SVG}text"))


@pytest.mark.parametrize("flow", [example(), rich(), closing()], ids=["meb", "rich", "closing"])
def test_the_picture_is_well_formed_and_holds_every_node_and_key(flow: MenuFlow) -> None:
    text = draw_menu(CentreMenu(flow, LENGTHS, {"4440632": "ana"}), svg_document)
    root = ElementTree.fromstring(text)
    width, height = (float(root.attrib[name]) for name in ("width", "height"))
    words = " ".join("".join(one.itertext()) for one in root.iter(f"{SVG}text"))
    assert all(name in words for name in flow.nodes) and "4440632" in words and ESTIMATED_NOTE in words
    for box in root.iter(f"{SVG}rect"):
        assert float(box.get("x", 0)) + float(box.attrib["width"]) <= width
        assert float(box.get("y", 0)) + float(box.attrib["height"]) <= height
    assert len(re.findall(r"\(\d+\.\d\u00a0s\)", words)) == sum(
        len(node.options) for node in flow.nodes.values() if isinstance(node, MenuNode))
    aloud = root.attrib["aria-label"]
    assert "key 1 leads to psikososyal" in aloud


def test_boxes_do_not_lie_on_each_other() -> None:
    root = ElementTree.fromstring(draw_menu(CentreMenu(rich(), LENGTHS, {}), svg_document))
    boxes = [tuple(float(box.attrib[name]) for name in ("x", "y", "width", "height"))
             for box in root.iter(f"{SVG}rect") if box.get("stroke-width") == "1.5"]
    assert len(boxes) == len(rich().nodes) + 1, "the human is drawn for those who begin there too"
    for number, (x, y, wide, high) in enumerate(boxes):
        for left, top, width, height in boxes[:number]:
            assert x >= left + width or left >= x + wide or y >= top + height or top >= y + high
