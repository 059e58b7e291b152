import pytest
from hypothesis import given
from hypothesis import strategies as st

from yingjian.engines.plan import codes

digits = st.text("0123456789", min_size=1, max_size=24)


def test_the_published_example_of_mod_11_10_holds() -> None:
    """ISO 7064's own example: 0794 has check digit 5."""
    assert codes.check_digit("0794") == "5"


@given(digits, st.data())
def test_every_wrong_digit_is_found(body: str, data: st.DataObject) -> None:
    code = body + codes.check_digit(body)
    place = data.draw(st.integers(0, len(code) - 1))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != code[place]]))
    wrong = code[:place] + other + code[place + 1 :]
    assert codes.check_digit(wrong[:-1]) != wrong[-1]


def test_most_swaps_of_neighbours_are_found() -> None:
    """The standard does not promise all; nine in ten pairs must show."""
    body = "2311831012010030102010075"
    found = total = 0
    for n in range(2000):
        text = f"{body}{n:04d}"
        code = text + codes.check_digit(text)
        for i in range(len(code) - 1):
            if code[i] != code[i + 1]:
                swapped = code[:i] + code[i + 1] + code[i] + code[i + 2 :]
                total += 1
                found += codes.check_digit(swapped[:-1]) != swapped[-1]
    assert total > 10_000
    assert found / total > 0.9


def test_each_level_begins_with_the_one_above() -> None:
    site = codes.site_code("231183101", 3)
    station = codes.station_code(site, 1)
    box = codes.box_code(station, campaign=102, round_no=1, serial=7)
    assert site == "231183101000003"
    assert station == "23118310100000301"
    assert box[:-1] == "231183101000003010201007"
    assert codes.box_code_holds(box)
    assert codes.station_of_box(box) == station


@pytest.mark.parametrize(
    "call",
    [
        lambda: codes.region_code("2"),
        lambda: codes.region_code("23x183"),
        lambda: codes.region_code("1234567890123"),
        lambda: codes.region_code("٢٣"),
        lambda: codes.site_code("231183", 0),
        lambda: codes.site_code("231183", 1000),
        lambda: codes.station_code("231183101201", 1),
        lambda: codes.station_code("231183101201003", 100),
        lambda: codes.box_code("231183101201003", 1, 1, 1),
        lambda: codes.box_code("23118310120100301", 1, 1, 1000),
        lambda: codes.check_digit(""),
        lambda: codes.check_digit("12a"),
        lambda: codes.station_of_box("1" * 25),
    ],
)
def test_what_is_no_code_is_refused(call: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        call()  # type: ignore[operator]


def test_a_code_with_other_digits_does_not_hold() -> None:
    box = codes.box_code("23118310120100301", 1, 1, 1)
    assert not codes.box_code_holds(box[:-1])
    assert not codes.box_code_holds(box[:-1] + ("0" if box[-1] != "0" else "1"))
    assert not codes.box_code_holds(box[:-1] + "²")
