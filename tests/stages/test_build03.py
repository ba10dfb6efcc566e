"""How an experiment's rows and its plate's are joined."""

import pandas as pd

from stages import build03


def test_rows_without_a_plate_row_keep_blanks_and_the_plates_columns_go_along() -> None:
    embryos = pd.DataFrame({"well": ["A01", "A02"], "time_int": [0, 0], "area_px": ["5", "6"]})
    plate = pd.DataFrame({"well": ["A01"], "time_int": [0], "dye": ["é"], "area_px": ["9"], "experiment_date": ["x"]})
    joined = build03.join_plate(embryos, plate)
    assert joined.to_dict("list") == {
        "well": ["A01", "A02"],
        "time_int": [0, 0],
        "area_px": ["5", "6"],
        "dye": ["é", ""],
    }


def test_wells_with_another_number_of_embryos_than_they_were_given_are_told() -> None:
    embryos = pd.DataFrame({"well": ["A01"] * 3 + ["A02"] * 2, "time_int": [0, 0, 1, 0, 1]})
    given = {"A01": "22", "A02": "33", "A03": "11", "A04": "00", "A05": ("1 or 2", ""), "A06": "12"}
    plate = pd.DataFrame(
        [(well, time_int, cell) for well, cells in given.items() for time_int, cell in enumerate(cells)],
        columns=["well", "time_int", "embryos_per_well"],
    )
    assert build03.other_counts(embryos, plate) == {"A02": (3, 1), "A03": (1, 0)}
    assert build03.other_counts(embryos, plate.drop(columns="embryos_per_well")) == {}
