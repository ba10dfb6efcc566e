"""The stages' pure functions, against what the formulas say and against plain references."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.cohort.manifests.images_manifest import Frame
from stages import build03, df02, images, sam2, snips
from stages.files import frames, stacks, tables
from stages.files.stacks import Found
from stages.imaging import alignment, geometry
from stages.imaging.embryo_box import Slices, boxes
from stages.imaging.geometry import QcMasks
from stages.segmentation import threshold
from stages.segmentation.tracking import Tracker

BUILD03 = geometry.Settings(min_fraction_alive=0.9, margin_um=150, min_inside=0.98, near_margins=2)
SNIPS = snips.Settings(um_per_px=7.8, blend_um=75, noise_mean=10, noise_sd=5)


def disc(shape: tuple[int, int], row: float, column: float, radius: float) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def whole(image: np.ndarray) -> Slices:
    """The box that is all of an image."""
    return slice(0, image.shape[0]), slice(0, image.shape[1])


# frames


def png(image: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).save(out, "png")
    return out.getvalue()


def test_frames_are_decoded_to_grey_from_every_form() -> None:
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    assert (frames.decode(png(grey), Path("a.png")) == grey).all()
    assert (frames.decode(png(np.repeat(grey[..., None], 3, axis=2)), Path("a.png")) == grey).all()
    assert (frames.decode(png(grey.astype(np.uint16) * 256 + 9), Path("a.png")) == grey).all()
    tiff = io.BytesIO()
    tifffile.imwrite(tiff, grey.astype(np.uint16) << 8)
    assert (frames.decode(tiff.getvalue(), Path("a.tif")) == grey).all()


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_what_is_no_image_is_named(name: str) -> None:
    for data in (b"", b"no image", png(np.zeros((50, 50), np.uint8))[:60]):
        with pytest.raises(UnreadableError, match=name):
            frames.decode(data, Path(name))


@pytest.mark.parametrize("shape", [(400, 512), (512, 400), (576, 320)])
def test_qc_masks_lie_where_their_frames_content_is(shape: tuple[int, int]) -> None:
    inside = disc(shape, shape[0] * 0.3, shape[1] * 0.7, 60)
    seen = frames.to_qc_input(np.where(inside, np.uint8(255), np.uint8(0)))
    assert seen.shape == frames.QC_SIZE
    back = frames.from_qc(np.where(seen > 0.5, np.uint8(255), np.uint8(0)), shape) > 0
    assert back.shape == shape
    assert (back & inside).sum() / (back | inside).sum() > 0.95


# images


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("A01_t0000_stitch.png", ("A01", 0)),
        ("H12_t12345.TIF", ("H12", 12345)),
        ("C04_t0339_ch00.jpeg", ("C04", 339)),
        ("A13_t0000.png", None),
        ("I01_t0000.png", None),
        ("A01_0000.png", None),
        ("A01_t0000.txt", None),
    ],
)
def test_frame_numbers_come_from_the_files_name(name: str, key: tuple[str, int] | None) -> None:
    assert images.frame_key(name) == key


def test_whole_images_are_told_from_cut_ones() -> None:
    grey = np.random.default_rng(1).integers(0, 255, (60, 60), np.uint8)
    encoded = {"a.png": io.BytesIO(), "a.jpg": io.BytesIO(), "a.tif": io.BytesIO()}
    for name, out in encoded.items():
        Image.fromarray(grey).save(out, {"png": "png", "jpg": "jpeg", "tif": "tiff"}[name[-3:]])
        data = out.getvalue()
        assert images.whole_image(name, data) is None
        for length in (0, 5, len(data) // 2, len(data) - 1):
            assert images.whole_image(name, data[:length]) is not None, (name, length)


def test_what_does_not_fit_is_listed() -> None:
    listed = [Frame("A01", 0, "A01_t0000.png", 1, "x"), Frame("A01", 340, "A01_t0340.png", 1, "y")]
    found = images.compare(listed, [("A01", 0), ("A01", 339)], ["Thumbs.db"])
    assert {(problem.kind, problem.well, problem.time_int, problem.path) for problem in found} == {
        ("row_without_frame", "A01", 339, ""),
        ("frame_without_row", "A01", 340, "A01_t0340.png"),
        ("not_a_frame", "", -1, "Thumbs.db"),
    }


# stacks


def test_stacks_say_which_frame_each_page_is_of(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 20, 30), np.uint8)
    pages = [
        stacks.Page(stacks.PageTag(time_int, f"{time_int:032x}"), page)
        for time_int, page in zip((0, 2, 11), pixels, strict=True)
    ]
    path = tmp_path / "A01.tif"
    stacks.write_stack(path, pages)
    first = path.read_bytes()
    stacks.write_stack(path, pages)
    assert path.read_bytes() == first
    assert tifffile.imread(path).shape == (3, 20, 30)
    assert json.loads(tifffile.TiffFile(path).pages[1].description) == {"time_int": 2, "frame": f"{2:032x}"}
    with stacks.open_stack(tmp_path, "A01") as readers:
        assert list(readers) == [0, 2, 11]
        assert (readers[11]() == pixels[2]).all()
    path.write_bytes(first[: len(first) // 2])
    with (
        pytest.raises((ContentError, UnreadableError), match=r"A01\.tif"),
        stacks.open_stack(tmp_path, "A01") as readers,
    ):
        [read() for read in readers.values()]


def test_the_labs_older_form_is_read(tmp_path: Path) -> None:
    mask = np.full((40, 40), 127, np.uint8)
    mask[10:30, 10:30] = 255
    Image.fromarray(mask).save(tmp_path / "A01_t0003_stitch.jpg", quality=95)
    Image.fromarray(mask).save(tmp_path / "20240418_A02_t0004.png")
    with stacks.open_stack(tmp_path, "A01", mask=True) as readers:
        assert list(readers) == [3]
        assert (readers[3]() == np.where(mask == 255, 255, 0)).all()
    with stacks.open_stack(tmp_path, "A02") as readers:
        assert (readers[4]() == mask).all()
    with stacks.open_stack(tmp_path, "A03") as readers:
        assert readers == {}


# sam2


def test_embryos_keep_their_values_when_components_change_order() -> None:
    shape = (60, 90)
    left, right = disc(shape, 30, 20, 10), disc(shape, 30, 65, 10)
    tracker = Tracker()
    first, _ = tracker.follow(left * np.uint8(1) + right * np.uint8(2))
    second, values = tracker.follow(left * np.uint8(2) + right * np.uint8(1))
    assert values == [2, 1]
    assert (first == second).all()
    third, values = tracker.follow(np.roll(right, 3, axis=0) * np.uint8(1))
    assert values == [2]
    fourth, values = tracker.follow(left * np.uint8(1) + right * np.uint8(2) + disc(shape, 8, 45, 5) * np.uint8(3))
    assert values == [1, 2, 3]
    assert tracker.follow(np.zeros(shape, np.uint8))[1] == []
    assert third.max() == 2
    assert fourth.max() == 3


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (16, 16), (17, 40)])
def test_a_tiny_frame_is_segmented_without_an_error(shape: tuple[int, int]) -> None:
    found = threshold.foreground(np.full(shape, 180, np.uint8), threshold.Settings())
    assert found.labels.shape == shape
    assert not found.labels.any()


def test_area_jumps_compare_with_the_two_frames_before_or_after() -> None:
    assert sam2.area_jumps([100, 100, 100, 130, 100, 100], 0.2) == [False, False, False, True, False, False]
    assert sam2.area_jumps([130, 100, 100], 0.2) == [True, False, False]
    assert sam2.area_jumps([100, 150], 0.2) == [False, False]
    assert sam2.area_jumps([100, 100, 121], 0.2) == [False, False, True]


def test_odd_masks_are_flagged() -> None:
    settings = sam2.Settings(area_change=0.2, edge_px=2, large_mask=0.15, small_mask=0.001)
    labels = np.zeros((100, 100), np.uint8)
    labels[1:30, 40:60] = 1
    labels[50:55, 50:60] = 2
    labels[60:64, 10:20] = 2
    labels[95, 5] = 3
    labels[2:10, 2:10] = 4
    embryos = sam2.describe(labels, dict.fromkeys(range(1, 5), 0.1234567))
    assert embryos[0] == Found(1, 29 * 20, (1, 40, 30, 60), 1, 0.123457)
    assert {embryo.value: sam2.shape_flags(embryo, labels.shape, settings) for embryo in embryos} == {
        1: ["MASK_ON_EDGE"],
        2: ["DISCONTINUOUS_MASK"],
        3: ["SMALL_MASK"],
        4: [],
    }
    (all_of_it,) = sam2.describe(np.ones((50, 50), np.uint8), {1: 1.0})
    assert sam2.shape_flags(all_of_it, (50, 50), settings) == ["MASK_ON_EDGE", "LARGE_MASK"]
    assert sam2.describe(np.zeros((50, 50), np.uint8), {}) == ()


# build03


def test_a_disc_is_measured_as_a_disc() -> None:
    mask = disc((200, 300), 90, 140, 40)
    shape = geometry.measure(mask, whole(mask), (5.0, 5.0))
    assert shape.area_um2 == np.count_nonzero(mask) * 25
    assert (shape.centroid_x_um, shape.centroid_y_um) == (700, 450)
    assert shape.major_axis_um == pytest.approx(400, rel=0.01)
    assert shape.minor_axis_um == pytest.approx(400, rel=0.01)
    assert shape.perimeter_um == pytest.approx(2 * np.pi * 200, rel=0.02)


def test_a_missing_scale_gives_no_um_and_no_distance_flags() -> None:
    mask = disc((200, 300), 90, 140, 40)
    nothing = np.zeros(frames.QC_SIZE, np.uint8)
    shape = geometry.measure(mask, whole(mask), (np.nan, np.nan))
    assert np.isnan([value for name, value in shape._asdict().items() if "um" in name]).all()
    assert shape.centroid_x_px == 140
    qc = QcMasks(nothing, nothing, nothing, nothing)
    found = geometry.judge(mask, whole(mask), mask.shape, qc, np.nan, BUILD03)
    assert np.isnan([found.frame_flag, found.focus_flag, found.bubble_flag]).all()
    assert (found.dead_flag, found.no_yolk_flag) == (0, 1)


def test_a_missing_mask_gives_an_empty_flag() -> None:
    mask = disc((200, 300), 90, 140, 40)
    found = geometry.judge(mask, whole(mask), mask.shape, QcMasks(None, None, None, None), 8.0, BUILD03)
    assert found.frame_flag == 0
    assert np.isnan([*found[:2], *found[3:]]).all()


@given(st.integers(0, 60), st.floats(2, 30))
def test_flags_follow_their_formulas(gap: int, um_per_px: float) -> None:
    # A frame of the networks' own size, so that its masks are theirs.
    shape = frames.QC_SIZE
    mask = disc(shape, 110, 60, 30)
    (box,) = boxes(mask.astype(np.uint8)).values()
    other = np.zeros(shape, bool)
    other[110, 90 + gap] = True
    margin = int(np.ceil(150 / um_per_px))
    nearest = ndimage.distance_transform_edt(~mask)[other].min()
    masks = (mask & disc(shape, 110, 60, 12), other, other, other)
    qc = QcMasks(*(each.astype(np.uint8) for each in masks))
    found = geometry.judge(mask[box], box, shape, qc, um_per_px, BUILD03)
    assert found.bubble_flag == found.focus_flag == float(nearest < 2 * margin)
    assert found.no_yolk_flag == float(gap > 1)
    shrunk = np.zeros(shape, bool)
    shrunk[margin : shape[0] - margin, margin : shape[1] - margin] = True
    assert found.frame_flag == float((mask & shrunk).sum() / mask.sum() <= 0.98)
    assert found.fraction_alive == pytest.approx(1 - disc(shape, 110, 60, 12).sum() / mask.sum())
    assert found.dead_flag == 1


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


# snips


def ellipse(shape: tuple[int, int], angle: float) -> tuple[np.ndarray, np.ndarray]:
    """A long embryo, its axis turned by `angle`, and its yolk near one end."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(float)
    rows, columns = rows - shape[0] / 2, columns - shape[1] / 2
    along = rows * np.cos(angle) + columns * np.sin(angle)
    across = -rows * np.sin(angle) + columns * np.cos(angle)
    return (along / 120) ** 2 + (across / 40) ** 2 <= 1, (along - 70) ** 2 + across**2 <= 20**2


def placed(mask: np.ndarray, yolk: np.ndarray, scale: tuple[float, float]) -> alignment.Sampling:
    return alignment.sampling(alignment.find_pose(mask, yolk, scale, whole(mask)), scale, 8.0)


def upright(mask: np.ndarray, where: alignment.Sampling) -> tuple[np.ndarray, np.ndarray]:
    """The rows and columns of a mask's pixels in the snip."""
    return np.nonzero(alignment.warp(mask * np.uint8(255), where) > 127)


@given(st.floats(0, 2 * np.pi))
def test_an_embryo_stands_upright_with_its_yolk_up(angle: float) -> None:
    mask, yolk = ellipse((400, 512), angle)
    where = placed(mask, yolk, (8.0, 8.0))
    rows, columns = upright(mask, where)
    assert abs(rows.mean() - 287.5) < 1
    assert abs(columns.mean() - 127.5) < 1
    assert np.ptp(rows) == pytest.approx(240, abs=4)
    assert np.ptp(columns) == pytest.approx(80, abs=4)
    assert upright(yolk & mask, where)[0].mean() < 287.5 - 50


@given(st.floats(0, 2 * np.pi))
def test_without_a_yolk_the_wide_end_is_up(angle: float) -> None:
    mask, yolk = ellipse((400, 512), angle)
    mask |= yolk | np.roll(yolk, (3, 3), (0, 1)) | np.roll(yolk, (-3, -3), (0, 1))
    head = disc(mask.shape, *(np.argwhere(yolk).mean(axis=0)), 45)
    where = placed(mask | head, np.zeros(mask.shape, bool), (8.0, 8.0))
    assert upright(yolk, where)[0].mean() < 287.5


def test_a_snip_is_not_mirrored() -> None:
    mask, yolk = ellipse((400, 512), np.pi)
    image = np.full(mask.shape, 100, np.uint8)
    image[:, 256:] = 200
    assert alignment.warp(image, placed(mask, yolk, (8.0, 8.0)))[288, [100, 156]].tolist() == [100, 200]


def test_scales_that_differ_across_and_down_are_made_equal() -> None:
    mask = disc((400, 400), 200, 200, 90)[::2]
    rows, columns = upright(mask, placed(mask, mask & False, (4.0, 8.0)))
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=2)


def test_beyond_the_frame_a_snip_continues_its_edge() -> None:
    mask = disc((300, 200), 10, 10, 8)
    ramp = np.repeat(np.arange(200, dtype=np.uint8)[None], 300, axis=0)
    where = alignment.sampling(alignment.Pose((10.0, 10.0), (-1.0, 0.0)), (8.0, 8.0), 8.0)
    found = alignment.warp(ramp, where)
    assert not np.isnan(found).any()
    assert np.allclose(found[:, :118], 0)
    assert np.allclose(found[300, 118:], np.arange(0.5, 138.5))
    assert mask.any()


def test_snips_repeat_to_the_byte_and_their_background_is_noise() -> None:
    mask, yolk = ellipse((400, 512), 0.7)
    grey = np.where(mask, np.uint8(90), np.uint8(180))
    grey[yolk & mask] = 40

    def cut(name: str) -> np.ndarray:
        return snips.make_snip(name, grey, mask, yolk, whole(mask), (8.0, 8.0), SNIPS)

    first = cut("a")
    assert first.shape == (576, 256)
    assert (cut("a") == first).all()
    corner = np.s_[:80, :60]
    assert (cut("b")[corner] != first[corner]).mean() > 0.5
    assert first[corner].mean() == pytest.approx(10.3, abs=0.5)
    assert first[corner].std() == pytest.approx(4.7, abs=0.5)


# tables


def test_tables_are_written_in_one_form(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "id": ["20250305_1", "007"],
            "flag": [True, False],
            "x": [0.1 + 0.2, np.nan],
            "n": [1, 2],
            "z": np.array([1 / 3, 2.0], np.float32),
            "text": ['a "b", c', ""],
        }
    )
    path = tmp_path / "t.csv"
    tables.write(path, table)
    assert path.read_text() == ('id,flag,x,n,z,text\n20250305_1,True,0.3,1,0.333333343,"a ""b"", c"\n007,False,,2,2,\n')
    back = tables.read_text(path)
    assert back["id"].tolist() == ["20250305_1", "007"]
    tables.write(tmp_path / "again.csv", back)
    assert (tmp_path / "again.csv").read_bytes() == path.read_bytes()


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_float32_comes_back_whole(values: list[float]) -> None:
    array = np.array(values, np.float32)
    assert (np.array([np.float32(text) for text in tables.format_numbers(array)], np.float32) == array).all()


# df02

BUILD04 = df02.Settings(
    k_upper=1.4,
    k_lower=0.7,
    death=df02.Death(min_frames=3, window=5, order=2, min_drop=0.05, min_dead_later=0.8, lead_h=2),
    stage_curve=df02.Hill(offset=399860.57, sa_max=999787.75, h=1.787712177, ip=30.188168811, max_hpf=96),
)


@given(st.floats(0, 96))
def test_the_stage_curve_is_inverted(stage: float) -> None:
    curve = BUILD04.stage_curve
    area = curve.offset + curve.sa_max * stage**curve.h / (stage**curve.h + curve.ip**curve.h)
    inferred, _ = df02.infer_stage(np.array([area]), curve)
    assert inferred[0] == pytest.approx(stage, abs=1e-3)


def test_beyond_the_stage_curve_is_its_end_and_flagged() -> None:
    inferred, clamped = df02.infer_stage(np.array([1e5, 9e6, np.nan, 8e5]), BUILD04.stage_curve)
    assert inferred[:2].tolist() == [0, pytest.approx(96)]
    assert clamped[:2].tolist() == [1, 1]
    assert np.isnan([inferred[2], clamped[2]]).all()
    assert clamped[3] == 0


def test_outliers_are_held_against_the_curves_at_their_stage() -> None:
    curves = pd.DataFrame({"stage_hpf": [10.0, 20.0], "p5": [100.0, 200.0], "p95": [200.0, 400.0]})
    area = np.array([300 * 1.4 - 1, 300 * 1.4 + 1, 150 * 0.7 - 1, 150 * 0.7 + 1, 400 * 1.4 + 1, np.nan, 1.0])
    stage = np.array([15.0, 15.0, 15.0, 15.0, 99.0, 15.0, np.nan])
    found = df02.outliers(area, stage, curves, BUILD04)
    assert found[:5].tolist() == [0, 1, 1, 0, 1]
    assert np.isnan(found[5:]).all()


def course(alive: list[float], dead: list[float], hours: float = 1.0) -> pd.DataFrame:
    times = np.arange(len(alive))
    return pd.DataFrame({"time_int": times, "hours": times * hours, "fraction_alive": alive, "dead": dead})


def test_death_is_flagged_from_lead_hours_before_its_frame() -> None:
    dying = course([1, 1, 1, 1, 0.3, 0.2], [0, 0, 0, 0, 1, 1])
    frame = df02.death_frame(
        *(dying[name].to_numpy() for name in ("fraction_alive", "dead", "time_int")), BUILD04.death
    )
    assert frame in (3, 4)
    assert df02.flag_death(dying, BUILD04.death).tolist() == [float(index >= frame - 2) for index in range(6)]


def test_a_passing_drop_is_no_death() -> None:
    assert not df02.flag_death(course([1, 0.5, 1, 1], [0, 1, 0, 0]), BUILD04.death).any()
    assert df02.flag_death(course([1, 0.5, 1, 0.4, 0.3, 0.2, 0.2, 0.1], [0, 1, 0, 1, 1, 1, 1, 1]), BUILD04.death).any()


def test_too_few_known_frames_say_nothing_of_death() -> None:
    assert np.isnan(df02.flag_death(course([1, 0.1], [0, 1]), BUILD04.death)).all()
    assert np.isnan(df02.flag_death(course([1, np.nan, 0.1], [0, np.nan, 1]), BUILD04.death)).all()
