"""Keys tell apart all that a result is made from."""

from hypothesis import given
from hypothesis import strategies as st

from stages.reuse import keys


@given(st.integers(0, 5), st.text(), st.dictionaries(st.text(), st.integers()))
def test_keys_tell_apart_all_that_they_are_made_from(version: int, model: str, settings: dict[str, int]) -> None:
    key = keys.key("snips", version, model=model, settings=settings)
    assert key == keys.key("snips", version, settings=dict(reversed(settings.items())), model=model)
    others = [
        keys.key("latents", version, model=model, settings=settings),
        keys.key("snips", version + 1, model=model, settings=settings),
        keys.key("snips", version, model=model + "x", settings=settings),
        keys.key("snips", version, model=model, settings=settings | {"other": 0, "another": 1}),
    ]
    assert len({key, *others}) == 5
