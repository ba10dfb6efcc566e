"""Every format of file that is read, spoilt in whatever way: it is read, or refused by name, soon; nothing else."""

import resource
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.faults.campaign import calls
from tests.faults.campaign.formats import FORMATS, Format
from tests.faults.campaign.part import Part

_EXAMPLES = 150
_SECONDS = 5
_MEMORY = 4 << 30
# What a spoilt file has in it, besides chance: what parsers of YAML, JSON, CSV and images stumble over.
_PIECES = [
    b"", b"\0", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\x1b[31m", b"\x85", b"'", b'"', b"\\", b",", b";",
    b":", b"- ", b"\t", b"# ", b"[", b"{", b"}", b"]", b"[" * 5000, b'{"a":' * 5000, b"? " * 500, b"0" * 5000,
    b"9" * 40, b"-1", b"1e999", b".nan", b"NaN", b"null", b"~", b"true", b"0x10", b"2024-04-18", b"&a [*a]", b"*a",
    b"<<: *a", b"!!python/name:os.system", b"../", b"/etc/passwd", b"${", b"${a}", b"[]", b"{}", b"\n\n", b"\n---\n",
    b"\n  ", "\u202e\ud7ff".encode(), b"a" * 70000,
    (2**31).to_bytes(4, "big"), (2**32 - 1).to_bytes(4, "little"), (2**63).to_bytes(8, "little"),
]  # fmt: skip


@st.composite
def spoilt(draw: st.DrawFn, sample: bytes) -> bytes:
    """A file that is another one in some places: cut, put in, left out, put elsewhere."""
    data = sample
    for _ in range(draw(st.integers(1, 3))):
        one, other = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        near = min(other, one + draw(st.integers(0, 8)))
        piece = draw(st.one_of(st.sampled_from(_PIECES), st.binary(max_size=6)))
        data = draw(
            st.sampled_from(
                [
                    data[:one], data[other:], data[:one] + piece + data[one:], data[:one] + piece + data[near:],
                    data[:one] + data[other:], data[:other] + data[one:other] + data[other:],
                    data[:one] + data[one:near] * 300,
                ]
            )
        )  # fmt: skip
    return data


def rounds(prepared: Path) -> Mapping[str, int]:
    """Each format ten times, by a fuzzer that begins anew."""
    return dict.fromkeys(FORMATS, 10)


def attempt(prepared: Path, folder: Path, kind: str, number: int, chance: Random) -> list[str]:
    """Read files of one format that are spoilt in many ways."""
    form = FORMATS[kind]
    sample = form.sample(prepared)
    if amiss := wrong(form, folder / "whole", sample):
        return [f"a whole file: {line}" for line in amiss]
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    found: list[str] = []

    @seed(chance.randrange(2**32))
    @settings(
        max_examples=_EXAMPLES, database=None, deadline=None, derandomize=False,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(spoilt(sample))
    def read(data: bytes) -> None:
        found[:] = wrong(form, folder / "project", data)
        assert not found

    try:
        read()
    except AssertionError:
        return found
    return []


def wrong(form: Format, root: Path, data: bytes) -> list[str]:
    """What is wrong with how a file of these bytes is read."""
    path = root / form.place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    begun = time.process_time()
    try:
        form.read(root)
    except form.errors:
        pass
    except Exception as error:  # noqa: BLE001 - whatever else it is, it is what was looked for
        return [f"{type(error).__name__}: {error}"[:500], f"of {data[:300]!r}"]
    took = time.process_time() - begun
    return [f"{took:.1f} s", f"of {data[:300]!r}"] if took > _SECONDS else []


SPOILING = Part("files", calls.prepare, rounds, attempt)
