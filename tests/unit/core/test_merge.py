"""The merge of fields: three-way, for any number of sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from hypothesis import given
from hypothesis import strategies as st

from tests.support.plainkind import PlainKind
from trueup.core.merge import (
    Merged,
    SideState,
    applied,
    diff,
    edits_of,
    merge,
    needed,
    revert,
)
from trueup.model.fields import Field, FieldKey, FieldMap

KIND = PlainKind()


def fields(**values: str) -> FieldMap:
    return {FieldKey("", name.upper()): Field(value) for name, value in values.items()}


def first(contenders: Sequence[str]) -> str:
    return contenders[0]


def nobody(contenders: Sequence[str]) -> str:
    return ""


def merged(sides: Mapping[str, SideState], choose: object = first) -> Merged:
    return merge(edits_of(sides), choose, KIND.coupled)  # type: ignore[arg-type]


def outcome(sides: Mapping[str, SideState], choose: object = first) -> dict[str, dict[str, str]]:
    """What each side shows after it got what it lacks."""
    result = merged(sides, choose)
    shown = {name: applied(needed(result.edits, side.now), side.now) for name, side in sides.items()}
    return {name: {key.name: field.normal for key, field in now.items()} for name, now in shown.items()}


BASE = fields(title="a", note="n", place="p")


def test_edits_of_different_fields_are_both_kept() -> None:
    sides = {
        "one": SideState(BASE, fields(title="b", note="n", place="p")),
        "two": SideState(BASE, fields(title="a", note="m", place="p")),
    }
    wanted = {"TITLE": "b", "NOTE": "m", "PLACE": "p"}
    assert outcome(sides) == {"one": wanted, "two": wanted}
    assert merged(sides).conflicts == []


def test_three_sides_each_edit_another_field() -> None:
    sides = {
        "one": SideState(BASE, fields(title="b", note="n", place="p")),
        "two": SideState(BASE, fields(title="a", note="m", place="p")),
        "three": SideState(BASE, fields(title="a", note="n")),
    }
    wanted = {"TITLE": "b", "NOTE": "m"}
    assert outcome(sides) == dict.fromkeys(sides, wanted)


def test_the_same_edit_on_both_sides_is_no_conflict() -> None:
    edited = fields(title="b", note="n", place="p")
    sides = {"one": SideState(BASE, edited), "two": SideState(BASE, edited)}
    assert merged(sides).conflicts == []
    assert outcome(sides)["one"]["TITLE"] == "b"


def test_the_same_removal_on_both_sides_is_no_conflict() -> None:
    sides = {name: SideState(BASE, fields(title="a", note="n")) for name in ("one", "two")}
    assert merged(sides).conflicts == []
    assert "PLACE" not in outcome(sides)["two"]


def test_different_edits_of_a_field_are_a_conflict_with_all_its_values() -> None:
    sides = {
        "one": SideState(BASE, fields(title="b", note="n", place="p")),
        "two": SideState(BASE, fields(title="c", note="n", place="p")),
        "three": SideState(BASE, fields(note="n", place="p")),
    }
    [conflict] = merged(sides).conflicts
    assert conflict.winner == "one"
    assert {ref: value and value.normal for ref, value in conflict.values.items()} == {
        "one": "b",
        "two": "c",
        "three": None,
    }
    assert {shown["TITLE"] for shown in outcome(sides).values()} == {"b"}


def test_an_undecided_conflict_gives_no_edit_for_that_field() -> None:
    sides = {"one": SideState(BASE, fields(title="b")), "two": SideState(BASE, fields(title="c"))}
    result = merged(sides, nobody)
    assert result.undecided
    assert FieldKey("", "TITLE") not in result.edits


def test_a_side_is_compared_with_its_own_base() -> None:
    """What a server never kept is no edit of its owner."""
    poor = fields(title="a")
    sides = {"rich": SideState(BASE, BASE), "poor": SideState(poor, poor)}
    assert merged(sides).edits == {}


def test_members_of_a_list_do_not_contradict_each_other() -> None:
    def tags(*names: str) -> FieldMap:
        return {FieldKey("", "TAG", name): Field(name) for name in names}

    sides = {"one": SideState(tags("x"), tags("x", "y")), "two": SideState(tags("x"), tags("z"))}
    result = merged(sides)
    assert result.conflicts == []
    assert {key.member for key in applied(result.edits, tags("x"))} == {"y", "z"}


class TestFirstContact:
    """Sides that never agreed."""

    def test_what_only_one_has_is_an_addition(self) -> None:
        sides = {"one": SideState(None, fields(title="a", note="n")), "two": SideState(None, fields(title="a"))}
        assert merged(sides).conflicts == []
        assert outcome(sides)["two"] == {"TITLE": "a", "NOTE": "n"}

    def test_what_differs_is_a_conflict(self) -> None:
        sides = {"one": SideState(None, fields(title="a")), "two": SideState(None, fields(title="b"))}
        assert [one.key.name for one in merged(sides).conflicts] == ["TITLE"]

    def test_equal_items_are_not_edited(self) -> None:
        sides = {name: SideState(None, BASE) for name in ("one", "two", "three")}
        assert merged(sides).edits == {}


class TestNewcomers:
    """A side that joins sides which have agreed before."""

    def test_an_equal_newcomer_changes_nothing(self) -> None:
        sides = {"one": SideState(BASE, BASE), "two": SideState(BASE, BASE), "new": SideState(None, BASE)}
        assert merged(sides).edits == {}

    def test_an_edit_of_a_settled_side_beats_the_old_value_of_a_newcomer(self) -> None:
        sides = {
            "one": SideState(BASE, BASE),
            "two": SideState(BASE, fields(title="b", note="n", place="p")),
            "new": SideState(None, BASE),
        }
        assert merged(sides).conflicts == []
        assert {shown["TITLE"] for shown in outcome(sides).values()} == {"b"}

    def test_the_old_value_of_a_newcomer_is_no_edit(self) -> None:
        sides = {"one": SideState(BASE, fields(title="b", note="n")), "new": SideState(None, BASE)}
        assert merged(sides).conflicts == []
        assert outcome(sides)["new"] == {"TITLE": "b", "NOTE": "n"}

    def test_what_the_newcomer_lacks_it_gets(self) -> None:
        sides = {"one": SideState(BASE, BASE), "new": SideState(None, fields(title="a"))}
        assert merged(sides).conflicts == []
        assert outcome(sides)["new"] == {"TITLE": "a", "NOTE": "n", "PLACE": "p"}

    def test_what_differs_is_a_conflict(self) -> None:
        sides = {"one": SideState(BASE, BASE), "new": SideState(None, fields(title="z", note="n", place="p"))}
        assert [one.key.name for one in merged(sides).conflicts] == ["TITLE"]


class TestRules:
    """A field's own rule goes before the job's choice; what it does not speak of is chosen."""

    SIDES: ClassVar[dict[str, SideState]] = {
        "one": SideState(BASE, fields(title="b", note="m", place="p")),
        "two": SideState(BASE, fields(title="c", note="o", place="p")),
    }

    @staticmethod
    def rule(key: FieldKey, contenders: Sequence[str]) -> str:
        return "two" if key.name in ("NOTE", "WHEN") and "two" in contenders else ""

    def test_a_rule_decides_its_field_alone(self) -> None:
        result = merge(edits_of(self.SIDES), first, KIND.coupled, self.rule)
        assert {one.key.name: one.winner for one in result.conflicts} == {"TITLE": "one", "NOTE": "two"}

    def test_what_a_rule_decides_waits_for_nobody(self) -> None:
        result = merge(edits_of(self.SIDES), nobody, KIND.coupled, self.rule)
        assert {one.key.name: one.winner for one in result.conflicts} == {"TITLE": "", "NOTE": "two"}

    def test_a_rule_for_one_of_what_belongs_together_decides_all_of_it(self) -> None:
        base = {FieldKey("", "WHEN"): Field("Mon")}
        moved = {FieldKey("", "WHEN"): Field("Tue")}
        excepted = {**base, FieldKey("8 May", ""): Field("there")}
        sides = {"one": SideState(base, excepted), "two": SideState(base, moved)}
        result = merge(edits_of(sides), first, KIND.coupled, self.rule)
        assert {one.winner for one in result.conflicts} == {"two"}
        assert result.edits[FieldKey("", "WHEN")].after == Field("Tue")


class TestCoupled:
    """Edits of different fields that contradict each other: `when` of a series, and its exceptions."""

    BASE: ClassVar[FieldMap] = {FieldKey("", "WHEN"): Field("Mon"), FieldKey("", "TITLE"): Field("t")}
    MOVED: ClassVar[FieldMap] = {FieldKey("", "WHEN"): Field("Tue"), FieldKey("", "TITLE"): Field("t")}
    EXCEPTED: ClassVar[FieldMap] = {
        **BASE,
        FieldKey("8 May", ""): Field("there"),
        FieldKey("8 May", "TITLE"): Field("special"),
        FieldKey("", "TITLE"): Field("new title"),
    }

    def test_the_losers_part_is_taken_back_whole_and_recorded(self) -> None:
        sides = {"one": SideState(self.BASE, self.MOVED), "two": SideState(self.BASE, self.EXCEPTED)}
        result = merged(sides)
        assert {conflict.key for conflict in result.conflicts} == {
            FieldKey("", "WHEN"),
            FieldKey("8 May", ""),
            FieldKey("8 May", "TITLE"),
        }
        two = applied(needed(result.edits, self.EXCEPTED), self.EXCEPTED)
        assert {key: field.normal for key, field in two.items()} == {
            FieldKey("", "WHEN"): "Tue",
            FieldKey("", "TITLE"): "new title",
        }

    def test_the_other_way_round(self) -> None:
        sides = {"one": SideState(self.BASE, self.MOVED), "two": SideState(self.BASE, self.EXCEPTED)}
        result = merged(sides, lambda contenders: contenders[-1])
        one = applied(needed(result.edits, self.MOVED), self.MOVED)
        assert {key: field.normal for key, field in one.items()} == {
            key: field.normal for key, field in self.EXCEPTED.items()
        }

    def test_undecided_leaves_both_as_they_are(self) -> None:
        sides = {"one": SideState(self.BASE, self.MOVED), "two": SideState(self.BASE, self.EXCEPTED)}
        assert merged(sides, nobody).undecided

    def test_the_same_exception_moved_with_its_series_on_one_side_only(self) -> None:
        """Exceptions that a side moved along with the series are no conflict of their own."""
        both = {**self.BASE, FieldKey("8 May", ""): Field("there")}
        moved = {**self.MOVED, FieldKey("9 May", ""): Field("there")}
        retitled = {**both, FieldKey("", "TITLE"): Field("other")}
        result = merged({"one": SideState(both, moved), "two": SideState(both, retitled)})
        assert result.conflicts == []
        assert set(applied(result.edits, both)) == set(moved)


# --- laws

names = st.sampled_from(["TITLE", "NOTE", "PLACE", "WHEN"])
maps = st.dictionaries(names.map(lambda name: FieldKey("", name)), st.sampled_from("abc").map(Field), max_size=4)


def normal(found: FieldMap) -> dict[FieldKey, str]:
    return {key: field.normal for key, field in found.items()}


@given(maps, maps)
def test_a_diff_turns_one_into_the_other_and_back(one: FieldMap, other: FieldMap) -> None:
    edits = diff(one, other)
    assert normal(applied(edits, one)) == normal(other)
    assert normal(applied(revert(edits), other)) == normal(one)
    assert needed(edits, other) == {}


@given(maps, st.lists(maps, min_size=2, max_size=4), st.integers(0, 3))
def test_sides_with_one_base_always_come_to_agree(base: FieldMap, now: list[FieldMap], which: int) -> None:
    sides = {f"side {number}": SideState(base, one) for number, one in enumerate(now)}
    result = merged(sides, lambda contenders: contenders[which % len(contenders)])
    after = [normal(applied(needed(result.edits, side.now), side.now)) for side in sides.values()]
    assert all(one == after[0] for one in after)
    # Nothing that nobody edited changed, and every edit won or is named as a loser.
    edits = edits_of(sides)
    edited = {key for own in edits.values() for key in own}
    assert {key for key in base if key not in edited} <= {key for key in base if normal(base)[key] == after[0].get(key)}
    for own in edits.values():
        for key, edit in own.items():
            won = after[0].get(key) == (edit.after.normal if edit.after else None)
            assert won or any(conflict.key == key for conflict in result.conflicts)


@given(st.lists(maps, min_size=2, max_size=4))
def test_first_contact_always_comes_to_agree_and_drops_nothing(now: list[FieldMap]) -> None:
    sides = {f"side {number}": SideState(None, one) for number, one in enumerate(now)}
    result = merged(sides)
    after = [normal(applied(needed(result.edits, side.now), side.now)) for side in sides.values()]
    assert all(one == after[0] for one in after)
    assert set(after[0]) == {key for one in now for key in one}


@given(maps, maps, maps, maps)
def test_a_newcomer_comes_to_agree_with_those_that_agreed(
    base: FieldMap, one: FieldMap, two: FieldMap, new: FieldMap
) -> None:
    sides = {"one": SideState(base, one), "two": SideState(base, two), "new": SideState(None, new)}
    result = merged(sides)
    after = [normal(applied(needed(result.edits, side.now), side.now)) for side in sides.values()]
    assert all(each == after[0] for each in after)


@given(maps, maps, maps)
def test_choosing_nobody_never_drops_an_edit_without_a_word(base: FieldMap, one: FieldMap, two: FieldMap) -> None:
    sides = {"one": SideState(base, one), "two": SideState(base, two)}
    result = merged(sides, nobody)
    conflicting = {conflict.key for conflict in result.conflicts}
    for own in edits_of(sides).values():
        for key in own:
            assert key in result.edits or key in conflicting


class TestGiven:
    """Sides that were given something by a run that could not reach all of them."""

    def test_an_edit_on_top_of_what_was_given_ends_the_edit_it_came_from(self) -> None:
        given, top = fields(title="b"), fields(title="c")
        sides = {
            "one": SideState(fields(title="a"), given),
            "two": SideState(fields(title="a"), top, given),
            "dead": SideState(fields(title="a"), fields(title="a")),
        }
        assert merged(sides).conflicts == []
        assert {shown["TITLE"] for shown in outcome(sides).values()} == {"c"}

    def test_back_to_what_it_was_is_an_edit_too(self) -> None:
        given, back = fields(title="b"), fields(title="a")
        sides = {"one": SideState(back, given), "two": SideState(back, back, given)}
        assert merged(sides).conflicts == []
        assert {shown["TITLE"] for shown in outcome(sides).values()} == {"a"}

    def test_another_edit_in_the_meantime_is_a_conflict_all_the_same(self) -> None:
        sides = {
            "one": SideState(fields(title="a"), fields(title="x")),
            "two": SideState(fields(title="a"), fields(title="c"), fields(title="b")),
        }
        assert [one.key.name for one in merged(sides).conflicts] == ["TITLE"]
