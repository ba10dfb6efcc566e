"""What is foretold of stages, from records that are made up: noisy, with some that are far off."""

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morphseq_manifest.tracker.run.history import Amount, Took
from morphseq_manifest.tracker.run.prediction import Expected, Predictor, line, predict

amounts = st.integers(0, 10**6)
values = st.floats(0, 1e6)


def took(stage: str, amount: int, seconds: float, **others: object) -> Took:
    group = stage.partition("@")[0]
    about = {"cpu": 2 * seconds, "gpu": None, "memory": 10**8 + amount, "made": [Amount(1, 10 * amount)], **others}
    return Took(stage=stage, group=group, at=1.0, seconds=seconds, read=Amount(amount, amount * 1000), **about)  # type: ignore[arg-type]


def expected(records: Sequence[Took], amount: int, stage: str = "g@new", **how: bool) -> Expected:
    found = Predictor(records).expect(stage, "g", Amount(amount, amount * 1000), 1, **how)
    assert found
    return found


@given(values, st.floats(0, 100), st.lists(amounts, min_size=3, max_size=15, unique=True), amounts)
def test_of_points_on_a_line_it_is_that_line(a: float, b: float, xs: list[int], x: int) -> None:
    assert predict([(u, a + b * u) for u in xs], x) == pytest.approx(a + b * x, rel=1e-4, abs=1e-4)


@given(st.floats(1, 1e3), st.floats(0.01, 100), st.sets(st.integers(0, 14), max_size=3), st.lists(values, min_size=15))
def test_some_that_are_far_off_change_nothing(a: float, b: float, off: set[int], wrong: list[float]) -> None:
    points = [(float(x), wrong[x] if x in off else a + b * x) for x in range(15)]
    assert predict(points, 20) == pytest.approx(a + b * 20, rel=1e-6)


@given(st.lists(st.tuples(amounts, values), min_size=1, max_size=20), amounts)
def test_it_is_never_negative_and_grows_with_the_amount(points: list[tuple[float, float]], x: int) -> None:
    assert line(points)[1] >= 0
    assert 0 <= predict(points, x) <= predict(points, x + 1)


@given(st.lists(values, min_size=1, max_size=9), st.integers(1, 2))
def test_of_too_few_amounts_it_is_the_median(ys: list[float], different: int) -> None:
    points = [(float(number % different), y) for number, y in enumerate(ys)]
    assert predict(points, 1e6) == sorted(ys)[len(ys) // 2] or len(ys) % 2 == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(amounts, values, st.booleans(), st.booleans()), min_size=1, max_size=40), amounts)
def test_whatever_is_recorded_something_is_foretold(records: list[tuple[int, float, bool, bool]], x: int) -> None:
    history = [
        took(f"g@{number % 7}", amount, seconds, again=again, gpu=seconds if on_gpu else None)
        for number, (amount, seconds, again, on_gpu) in enumerate(records)
    ]
    for again in (True, False):
        found = expected(history, x, again=again, on_gpu=again)
        assert found.seconds >= 0
        assert found.memory is not None
        assert found.written >= 0


SHAPES: dict[str, Callable[[float], float]] = {
    "a start and so much a frame": lambda x: 5 + 0.02 * x,
    "only the start": lambda x: 30,
    "so much a frame": lambda x: 0.02 * x,
    "more than so much a frame": lambda x: 0.001 * x**1.4,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(10))
def test_ten_plates_left_out_are_foretold_within_a_quarter(shape: str, seed: int) -> None:
    """Of 50 plates of 200 to 5000 frames; each time is off by 10 %, and one in ten by much more."""
    chance, truth = random.Random(seed), SHAPES[shape]
    plates = {f"g@{number}": chance.randint(200, 5000) for number in range(50)}
    ten = dict([*plates.items()][40:])
    history = []
    for name in [name for name in plates if name not in ten]:
        far_off = chance.choice([0.2, 5]) if chance.random() < 0.1 else 1
        history.append(took(name, plates[name], truth(plates[name]) * far_off * chance.lognormvariate(0, 0.1)))
    found = {name: expected(history, amount, name) for name, amount in ten.items()}
    wrong = {name: found[name].seconds / truth(ten[name]) - 1 for name in ten}
    assert sum(abs(share) < 0.25 for share in wrong.values()) >= 9, wrong
    assert sum(one.seconds for one in found.values()) == pytest.approx(sum(map(truth, ten.values())), rel=0.25)
    assert sum(one.written for one in found.values()) == pytest.approx(10 * sum(ten.values()), rel=0.01)
    assert {one.memory for one in found.values()} == {max(one.memory or 0 for one in history)}


def test_a_stage_that_did_the_same_before_tells_more_than_others() -> None:
    history = [took(f"g@{number}", 100 + number, 10) for number in range(20)]
    history += [took("g@own", 110, seconds) for seconds in (99, 29, 30, 31)]
    assert expected(history, 110, "g@own").seconds == 30
    assert expected(history, 110, "g@new").seconds < 20
    assert expected(history, 200, "g@own").seconds < 20, "it has more to do now"


def test_the_measure_that_explains_it_is_taken() -> None:
    """Few large files, or many small ones."""
    chance = random.Random(1)
    sizes = [(chance.randint(10, 1000), chance.randint(10**3, 10**9)) for _ in range(30)]
    for truth in (lambda files, size: 0.1 * files, lambda files, size: 1e-7 * size):
        history = [
            Took(f"g@{number}", "g", 1.0, truth(files, size), None, None, None, Amount(files, size), [])
            for number, (files, size) in enumerate(sizes)
        ]
        found = Predictor(history).expect("g@new", "g", Amount(500, 10**8), 0)
        assert found
        assert found.seconds == pytest.approx(truth(500, 10**8), rel=0.01)
        assert (found.cpu, found.memory) == (None, None)


def test_what_ran_under_other_conditions_counts_only_if_there_is_nothing_else() -> None:
    whole = [took(f"g@{number}", 100, 50.0, gpu=50.0) for number in range(5)]
    rest = [took(f"g@{number}", 100, 2.0, again=True, gpu=2.0) for number in range(5)]
    assert expected([*whole, *rest], 100, on_gpu=True).seconds == 50
    assert expected([*whole, *rest], 100, on_gpu=True, again=True).seconds == 2
    assert expected(rest, 100, on_gpu=True).seconds == 2
    slow = [took(f"g@{number}", 100, 500.0) for number in range(5)]
    assert expected([*whole, *slow], 100, on_gpu=True).gpu == 50
    assert (expected([*whole, *slow], 100).seconds, expected([*whole, *slow], 100).gpu) == (500, None)


def test_of_another_group_or_with_other_outputs_nothing_is_known() -> None:
    predictor = Predictor([took("g@1", 1, 1)])
    assert predictor.expect("h@1", "h", Amount(1, 1), 1) is None
    assert predictor.expect("g@1", "g", Amount(1, 1000), 2) is None
