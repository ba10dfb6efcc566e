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
