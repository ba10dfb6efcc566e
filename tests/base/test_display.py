"""What is printed acts on no terminal, whatever is in it."""

import json

import pytest

from morphseq_manifest.base import display
from morphseq_manifest.base.console import note


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, über, 斑馬魚\n  second line", "plain, über, 斑馬魚\n  second line"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("over\rwritten\b\b", r"over\x0dwritten\x08\x08"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        ("gpj.\u202egnp", r"gpj.\u202egnp"),
        ("a\u2028b\u2066c", r"a\u2028b\u2066c"),
    ],
)
def test_what_would_act_on_a_terminal_is_shown(text: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert display.visible(text) == shown
    display.show(text)
    note(text)
    assert capsys.readouterr() == (f"{shown}\n", f"{shown}\n")


def test_tables_stay_aligned_and_json_stays_json(capsys: pytest.CaptureFixture[str]) -> None:
    display.show_table([{"id": "\x1b[31m", "n": 1}, {"id": "b", "n": 22}], "title \x07")
    assert capsys.readouterr().out.splitlines() == [r"title \x07", "id         n", r"\x1b[31m   1", "b         22"]
    display.show_json("x/1", {"id": "\x1b\x9b\u202e", "name": "斑馬魚"})
    out = capsys.readouterr().out
    assert not {"\x1b", "\x9b", "\u202e"} & set(out)
    assert json.loads(out) == {"schema": "x/1", "id": "\x1b\x9b\u202e", "name": "斑馬魚"}


def test_texts_are_wrapped_to_the_width_of_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"id": "a" * 30, "n": 1, "why": "what has changed since, in so many words"},
        {"id": "b", "n": 22, "why": None},
    ]
    display.show_table(rows, "title")
    whole = capsys.readouterr().out
    monkeypatch.setattr(display, "terminal_width", lambda: 60)
    display.show_table(rows, "title")
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert sorted(" ".join(lines).split()) == sorted(whole.split())
    assert lines[2].startswith(f"{'a' * 30}   1  what has changed")
    assert lines[3].startswith(" " * 36)
    monkeypatch.setattr(display, "terminal_width", lambda: 20)
    display.show_table(rows, "title")
    assert f"{'a' * 30}   1  what has" in capsys.readouterr().out, "what is one word stays whole"
