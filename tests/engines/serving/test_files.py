"""Files that arrive."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from trueup.engines.embedded.serving.files import FileWatch


def names(watch: FileWatch, now: float) -> list[str]:
    return [Path(one.path).name for one in watch.arrived(now)]


def test_a_file_is_whole_when_it_has_been_at_rest(tmp_path: Path) -> None:
    watch = FileWatch(tmp_path, "*.csv", 2.0)
    file = tmp_path / "a.csv"
    file.write_text("half")
    assert names(watch, 100.0) == []
    assert names(watch, 101.9) == []
    file.write_text("half and more")
    assert names(watch, 102.0) == []
    assert names(watch, 103.9) == []
    assert names(watch, 104.0) == ["a.csv"]
    assert names(watch, 200.0) == ["a.csv"]


def test_what_is_there_is_known_also_before_it_is_whole(tmp_path: Path) -> None:
    watch = FileWatch(tmp_path, "*.csv", 60.0)
    (tmp_path / "a.csv").write_text("x")
    assert watch.present() == set()
    assert names(watch, 1.0) == []
    (key,) = watch.present()
    assert [one.key for one in watch.arrived(61.0)] == [key]


def test_one_that_is_written_again_is_a_new_one_and_one_that_only_stands_there_is_not(tmp_path: Path) -> None:
    watch = FileWatch(tmp_path, "*.csv", 0.0)
    file = tmp_path / "a.csv"
    file.write_text("one")
    (first,) = watch.arrived(1.0)
    assert list(FileWatch(tmp_path, "*.csv", 0.0).arrived(99.0)) == [first]  # after a restart
    file.write_text("two!")
    (second,) = watch.arrived(2.0)
    assert second.path == first.path == str(file)
    assert second.key != first.key
    os.utime(file, (1, 1))
    (third,) = watch.arrived(3.0)
    assert third.key not in (first.key, second.key)


def test_a_file_that_is_moved_in_is_seen_and_one_that_goes_is_forgotten(tmp_path: Path) -> None:
    watch = FileWatch(tmp_path, "in/*.csv", 1.0)
    assert names(watch, 1.0) == []  # not even the folder is there
    (tmp_path / "in").mkdir()
    part = tmp_path / "in" / "a.part"
    part.write_text("x")
    assert names(watch, 2.0) == []
    part.rename(tmp_path / "in" / "a.csv")
    assert names(watch, 10.0) == []
    assert names(watch, 11.0) == ["a.csv"]
    (tmp_path / "in" / "a.csv").unlink()
    assert names(watch, 12.0) == []
    (tmp_path / "in" / "a.csv").write_text("x")
    assert names(watch, 13.0) == []


def test_folders_links_to_nowhere_and_hidden_files_are_none(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "nowhere")
    (tmp_path / ".hidden.csv").write_text("x")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "b.csv").write_text("x")
    assert names(FileWatch(tmp_path, "*.csv", 0.0), 1.0) == []
    assert names(FileWatch(tmp_path, "**/*.csv", 0.0), 1.0) == ["b.csv"]
    assert names(FileWatch(Path("/elsewhere"), f"{tmp_path}/deep/er/*.csv", 0.0), 1.0) == ["b.csv"]


@given(st.lists(st.tuples(st.floats(0.1, 3.0), st.booleans()), max_size=20))
def test_nothing_arrives_that_was_written_within_the_time_of_rest(
    tmp_path_factory: object, looks: list[tuple[float, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("inbox")  # type: ignore[attr-defined]
    watch, file, now, seen_change, size = FileWatch(folder, "*.csv", 2.0), folder / "a.csv", 0.0, 0.0, 0
    for pause, written in looks:
        now += pause
        if written:
            size += 1
            file.write_text("x" * size)
            seen_change = now
        arrived = names(watch, now)
        assert bool(arrived) == (size > 0 and now - seen_change >= 2.0)
