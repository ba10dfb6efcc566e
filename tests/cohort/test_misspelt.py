"""A setting that can't be used is named with its line, the names there are, and the nearest."""

import msgspec
import pytest

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.cohort import params
from stages.imaging.share import Share


class Death(msgspec.Struct, forbid_unknown_fields=True):
    """A block in a block."""

    lead_h: float


class Block(msgspec.Struct, forbid_unknown_fields=True):
    """A block of settings."""

    k_lower: Share
    k_upper: float
    death: Death


WHOLE = """\
experiments:
  "odd_v1.2":
    segmenter: threshold
versions:
  df02: 1
df02:
  k_lower: 0.9
  k_upper: 1.4
  death:
    lead_h: 4
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("k_lower:", "k_lowr:", "line 7: `df02.k_lowr` is not a setting; there are k_lower, k_upper, death. Did you"),
        ("  k_upper: 1.4\n", "", "line 6: `df02` lacks `k_upper`; there are k_lower, k_upper, death. Add it"),
        ("0.9", "fine", "line 7: `df02.k_lower` can't be used: Expected `float`, got `str`"),
        ("lead_h:", "lead:", "line 10: `df02.death.lead` is not a setting; there are lead_h. Did you mean 'lead_h'?"),
        ("lead_h: 4", "lead_h: [4]", "line 10: `df02.death.lead_h` can't be used: Expected `float`, got `array`"),
        ("  death:\n    lead_h: 4", "  death: 4", "line 9: `df02.death` can't be used: Expected `object`, got `int`"),
        ("segmenter:", "segmentr:", "line 3: `experiments.odd_v1.2.segmentr` is not a setting; there are segmenter"),
        ("segmenter: threshold", "segmenter: 3", "line 3: `experiments.odd_v1.2.segmenter` can't be used:"),
        ("k_upper: 1.4", "k_upper: .nan", "line 8: `df02.k_upper` is not a number (.nan). Write one"),
        ("lead_h: 4", "lead_h: .NaN", "line 10: `df02.death.lead_h` is not a number (.nan). Write one"),
        ("k_lower: 0.9", "k_lower: 1.5", "line 7: `df02.k_lower` can't be used: Expected `float` <= 1.0"),
        ("k_lower: 0.9", "k_lower: -.inf", "line 7: `df02.k_lower` can't be used: Expected `float` >= 0.0"),
        ("threshold", "threshold\n    page: -1", "line 4: `experiments.odd_v1.2.page` can't be used: Expected `int` >"),
        ("threshold", "threshold\n    pixel_range: [0, .nan]", "line 4: `experiments.odd_v1.2.pixel_range` is not a"),
        ("threshold", "threshold\n    pixel_range: [4095, 0]", "line 4: `pixel_range` of odd_v1.2 is [4095, 0], exp"),
        ("threshold", "threshold\n    pixel_range: [0, .inf]", "line 4: `pixel_range` of odd_v1.2 is [0, inf], expect"),
        (
            '  "odd_v1.2":\n    segmenter: threshold\n',
            "  - a\n",
            "line 1: `experiments` is a list (['a'], ..), expected a mapping of what is said of each, such as `exper",
        ),
        ("df02: 1", "df02: one", "line 5: `versions.df02` can't be used: Expected `int`, got `str`"),
        ("df02: 1", "df03: 1", "`versions` lacks df02. Add it"),
    ],
)  # fmt: skip
def test_what_can_not_be_used_is_named(old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        settings = params.parse(WHOLE.replace(old, new))
        settings.block("df02", Block)
        settings.version("df02")
    assert f"params.yaml{', ' if said.startswith('line') else ': '}{said}" in str(raised.value)


def test_a_whole_block_is_read() -> None:
    assert params.parse(WHOLE).block("df02", Block) == Block(0.9, 1.4, Death(4))
