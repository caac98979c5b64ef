"""What patterns leave out: one table for all that match them, or translate them for another program.

Each case is (patterns, path relative to the root, whether it is a folder, whether it is left out, itself or with a folder it is in).
"""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    patterns: tuple[str, ...]
    path: str
    is_dir: bool
    excluded: bool


def _cases(*patterns: str, yes: str = "", no: str = "") -> list[Case]:
    """Paths are separated by blanks; one with a slash at its end is a folder."""
    return [
        Case(patterns, path.rstrip("/"), path.endswith("/"), excluded)
        for paths, excluded in ((yes, True), (no, False))
        for path in paths.split()
    ]


CASES: list[Case] = [
    # without a slash: the name of a file or folder anywhere
    *_cases("*.tmp", yes="a.tmp x/a.tmp x/y/a.tmp .tmp a.b.tmp d.tmp/ d.tmp/kept.txt", no="a.tmpx tmp a.TMP a.tmp~"),
    *_cases("cache", yes="cache cache/ a/cache/ a/cache/b/c", no="cache2/ mycache a/cache.txt Cache/"),
    *_cases(".git", yes=".git/ a/.git/config", no=".gitignore git/"),
    *_cases("a?c", yes="abc x/a-c/ aéc", no="ac abbc a/c"),
    *_cases("[ab]*.log", yes="a.log box.log", no="c.log xa.log"),
    *_cases("[!ab]x", yes="cx -x", no="ax bx x"),
    *_cases("[^ab]x", yes="cx", no="ax"),
    *_cases("v[0-9]", yes="v7 d/v0/x", no="v va v10"),
    *_cases("[]x]y", yes="]y xy", no="y ay"),
    *_cases("a[b", yes="a[b", no="ab a"),
    *_cases(r"\*", yes="*", no="a x*"),
    *_cases(r"a\[1\]", yes="a[1]", no="a1"),
    *_cases("a**b", yes="ab axxb", no="a/b"),
    *_cases("!a", yes="!a", no="a"),
    *_cases("#a", yes="#a", no="a"),
    *_cases("$HOME", yes="$HOME", no="HOME"),
    *_cases("{a,b}", yes="{a,b}", no="a b"),
    *_cases("~", yes="~", no="a~"),
    *_cases("*", yes="a .b c/ c/d"),
    # a slash at the end changes nothing
    *_cases("build/", yes="build/ a/build/ build", no="rebuild/"),
    # with a slash: the path below the root
    *_cases("/build", yes="build/ build/x build", no="a/build/ a/build/x"),
    *_cases("./build", yes="build/", no="a/build/"),
    *_cases("a/b", yes="a/b a/b/c a/b/", no="b x/a/b a/bc a/"),
    *_cases("a/b/", yes="a/b a/b/", no="x/a/b"),
    *_cases("/a//b", yes="a/b", no="b"),
    *_cases("a/*", yes="a/b a/b/c a/.c", no="a/ b x/a/b"),
    *_cases("a/*.txt", yes="a/x.txt", no="a/b/x.txt x.txt"),
    *_cases("*/x", yes="a/x b/x/y", no="x a/b/x"),
    # ** is any number of folders, none included
    *_cases("a/**/z", yes="a/z a/b/z a/b/c/z a/b/z/q", no="z b/a/z a/bz az"),
    *_cases("**/z", yes="z a/z a/b/z", no="az zz a/bz"),
    *_cases("a/**", yes="a/ a/b a/b/c", no="ab b/a/"),
    *_cases("**/a/**", yes="a/ a/b x/a/b", no="ab"),
    *_cases("a/**/b/**/c", yes="a/b/c a/x/b/y/z/c", no="a/c a/b"),
    # several, and none
    *_cases("*.tmp", "/keep/*.bak", yes="a.tmp keep/a.bak", no="a.bak keep/a.txt"),
    *_cases("", ".", "/", "//", no="a a/b"),
    *_cases(no="a a/b"),
    # names that need care
    Case(("a b",), "x/a b", False, True),
    Case(("a*b",), "a\nb", False, True),
    Case(("?",), "\udcff", False, True),
    Case(("*.tmp",), "\udcff.tmp", False, True),
    Case(("caf\u00e9",), "cafe\u0301", False, False),
    Case(("a\\b",), "ab", False, True),
    Case(("a\\\\b",), "a\\b", False, True),
]
