"""The source kind "command": the output of a program, with its exit code, completeness and size owned by us.

Options: {"run": [program, argument …] or a text for the shell, "name": the file it becomes, "ends_with": its completion marker,
"codes": exit codes that mean success, "env": {NAME: secret or text}, "drill", "restore": commands that find the file in $TRUEUP_FILE}.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trueup.core.supervision import Ended, child_env, run_child
from trueup.jobs.backup.sources import filing
from trueup.model.backup import Captured, Drilled, RestoreStep, RestoreTarget, SourceContext, SourceSpec
from trueup.model.diagnostics import Diagnostic, Severity
from trueup.model.errors import CannotDrill, ConfigError, NotFound, Permanent, SecretMissing, Transient, TrueupError
from trueup.model.repository import Watch

FILE_VARIABLE = "TRUEUP_FILE"
TO_VARIABLE = "TRUEUP_TO"

_CHUNK = 1 << 20
_NEARLY_FULL = 1 << 20
_SAID = 600  # characters of its last words that are told
_TEMPFAIL = 75  # EX_TEMPFAIL of sysexits.h: "the user is invited to try again later"
_NOT_RUN = (126, 127)  # of a shell: found but not executable, not found (POSIX, 2.8.2)
_SECRET_NAME = re.compile(r"PASS|PWD|SECRET|TOKEN|KEY|URL|URI|DSN|AUTH|CRED", re.IGNORECASE)

Command = str | Sequence[str]


class CommandKind:
    """What a program says on its standard output, as one file."""

    name = "command"

    def probe(self, spec: SourceSpec, context: SourceContext) -> Iterator[Diagnostic]:
        """Whether the programs are there and the secrets known; nothing is run."""
        try:
            _file_name(spec)
            _environment(spec.options, context)
            missing = [
                one for one in (_command(spec, "run"), _command(spec, "drill")) if one and not _found(one, context.root)
            ]
        except TrueupError as error:
            yield Diagnostic(Severity.ERROR, error.what, error.where, error.why, error.hint)
            return
        for one in missing:
            hint = "install it, or give its whole path"
            yield Diagnostic(Severity.ERROR, f"the program {_arguments(one)[0]} is not installed", spec.name, hint=hint)

    def capture(self, spec: SourceSpec, context: SourceContext, spool: Path, watch: Watch) -> Captured:
        """Runs it. Another exit code, no output, too little of it or no completion marker: nothing was taken.

        Raises:
            Permanent: one of these, or the program is not there; SecretMissing.
            Transient: it says itself that trying again helps (exit code 75), or somebody ended it by a signal.
        """
        taken = time.time()
        command = _command(spec, "run") or _refuse(spec, "a command source needs the command to run")
        data, about = filing.folders(spool)
        output = data / _file_name(spec)
        env, secrets = _environment(spec.options, context)
        ended = run_child(
            _arguments(command), watch=watch, env=child_env(env), cwd=context.root, stdout=output, secrets=secrets
        )
        _require_whole(spec, output, ended)
        size, digest = _measured(output, watch)
        drill, restore = (_command(spec, one) for one in ("drill", "restore"))
        content = {
            "file": output.name,
            "bytes": size,
            "blake3": digest,
            "exit_code": ended.code,
            "command": _shown(command, secrets),
            "drill": drill and _shown(drill, secrets),
            "restore": restore and _redacted(restore, secrets),
            "env": _references(spec.options),
        }
        filing.write_manifest(about, spec, taken, content)
        return Captured(data, about, size, 1, {"bytes": size})

    def settle(self, spec: SourceSpec, context: SourceContext, captured: Captured, watch: Watch) -> Captured:
        """Nothing: the output does not change."""
        return captured

    def drill(self, about: Path, data: Path, scratch: Path, context: SourceContext, watch: Watch) -> Drilled:
        """Compares size and sum; then lets the drill command, if there is one, prove the file. `compared` counts it as "commands": 1.

        The command is the one this machine is configured with: a snapshot's word alone makes nothing run by itself.
        """
        manifest = filing.read_manifest(about)
        began = time.monotonic()
        file = data / manifest["file"]
        differences = list(_compare(manifest, file, watch))
        compared, seconds = {"files": 1, "bytes": int(manifest["bytes"])}, {"compare": time.monotonic() - began}
        if not (manifest["drill"] or context.options.get("drill")) or differences:
            return Drilled(tuple(differences), compared, seconds)
        began = time.monotonic()
        differences = list(_prove(file, scratch, context, watch))
        return Drilled(
            tuple(differences), {**compared, "commands": 1}, {**seconds, "restore": time.monotonic() - began}
        )

    def wanted(self, about: Path, target: RestoreTarget) -> tuple[str, ...]:
        """The file."""
        _require_file(filing.read_manifest(about), target)
        return ()

    def plan_restore(self, about: Path, target: RestoreTarget, context: SourceContext | None) -> Iterator[RestoreStep]:
        """A path in `to` (with a slash) is where the file goes; anything else is what the restore command finds in $TRUEUP_TO."""
        manifest = filing.read_manifest(about)
        _require_file(manifest, target)
        if "/" in target.to:
            yield _file_step(_place(manifest, target), target)
            return
        if not manifest["restore"]:
            why = "its source has no restore command"
            raise Permanent(
                f"the output of a command cannot be restored to {target.to!r}", why=why, hint="give a path: ./output"
            )
        what = f"run {_shown(manifest['restore'], ())}"
        if target.overwrite:
            yield RestoreStep("update", what, target.to)
        else:
            yield RestoreStep("skip", what, target.to, "it may replace what is there: say that it may overwrite")

    def restore(
        self, about: Path, data: Path, target: RestoreTarget, context: SourceContext | None, watch: Watch
    ) -> Iterator[RestoreStep]:
        """Puts the file in its place, or runs the restore command."""
        manifest = filing.read_manifest(about)
        file = data / manifest["file"]
        for step in self.plan_restore(about, target, context):
            if step.action != "skip" and "/" in target.to:
                with filing.beside(_place(manifest, target)) as temporary:
                    _copied(file, temporary, watch)
            elif step.action != "skip":
                _run_restore(manifest, file, target, context, watch)
            yield step


def _refuse(spec: SourceSpec, what: str) -> Any:
    raise ConfigError(what, where=spec.name, hint="command: {run: [mytool, --export], ends_with: …}")


def _command(spec: SourceSpec, which: str) -> Command | None:
    found = spec.options.get(which)
    if not found:
        return None
    if isinstance(found, str):
        return found
    if not isinstance(found, Sequence) or not all(isinstance(one, str) for one in found):
        _refuse(spec, f"`{which}` must be a text for the shell, or a list of texts")
    return list(found)


def _file_name(spec: SourceSpec) -> str:
    name = spec.options.get("name") or "output"
    if not isinstance(name, str) or "/" in name or "\0" in name or name in (".", ".."):
        _refuse(spec, "`name` must be a plain file name")
    return str(name)


def _arguments(command: Command) -> list[str]:
    """A text runs in bash, where there is one, with a pipe failing where any part of it fails: in a plain shell a dump may die unseen."""
    if not isinstance(command, str):
        return list(command)
    bash = shutil.which("bash")
    return [bash, "-o", "pipefail", "-c", command] if bash else ["/bin/sh", "-c", command]


def _found(command: Command, root: Path) -> bool:
    program = _arguments(command)[0]
    return shutil.which(root / program if "/" in program else program) is not None


def _environment(options: Mapping[str, Any], context: SourceContext) -> tuple[dict[str, str], list[str]]:
    """Its variables, and those of their values that must not be shown: looked up ones, and what is named like a secret."""
    given: Mapping[str, Any] = options.get("env") or {}
    env = {name: context.secret(value, f"variable {name} of a command") for name, value in given.items()}
    hidden = [env[name] for name, value in given.items() if not isinstance(value, str) or _SECRET_NAME.search(name)]
    return env, [one for one in hidden if one]


def _references(options: Mapping[str, Any]) -> dict[str, Any]:
    """What a restore looks its variables up by; what stands in the configuration in plain text does not leave it."""
    given: Mapping[str, Any] = options.get("env") or {}
    return {name: None if isinstance(value, str) else value for name, value in given.items()}


def _redacted(command: Command, secrets: Sequence[str]) -> Command:
    def clean(text: str) -> str:
        for one in secrets:
            text = text.replace(one, "***")
        return text

    return clean(command) if isinstance(command, str) else [clean(one) for one in command]


def _shown(command: Command, secrets: Sequence[str]) -> str:
    clean = _redacted(command, secrets)
    return clean if isinstance(clean, str) else shlex.join(clean)


def _said(ended: Ended) -> str:
    """How it ended, and its last words."""
    how = f"it ended with exit code {ended.code}" if ended.code >= 0 else f"it was ended by signal {-ended.code}"
    words = " ".join(ended.stderr.split())[-_SAID:]
    return f"{how}: {words}" if words else how


def _require_whole(spec: SourceSpec, output: Path, ended: Ended) -> None:
    where = spec.name
    room = os.statvfs(output.parent)
    if room.f_bavail * room.f_frsize < _NEARLY_FULL:
        raise Permanent(
            "the disk for dumps is full", where=str(output.parent), why=_said(ended), hint="make room, or set `scratch`"
        )
    codes = spec.options.get("codes") or [0]
    if ended.code not in codes:
        kind = Transient if ended.code < 0 or ended.code == _TEMPFAIL else Permanent
        raise kind(
            "the command failed",
            where=where,
            why=_said(ended),
            hint="run it by hand; `codes` names other good exit codes",
        )
    size = output.stat().st_size
    if size == 0:
        raise Permanent(
            "the command wrote nothing", where=where, why=_said(ended), hint="it must write to its standard output"
        )
    filing.too_small(spec, size, "the output of the command")
    marker = spec.options.get("ends_with") or ""
    if marker and not _ends_with(output, str(marker)):
        why = f"its end is not {marker!r}"
        raise Permanent(
            "the output of the command is not complete", where=where, why=why, hint="run it by hand and look at its end"
        )


def _ends_with(path: Path, marker: str) -> bool:
    """Whether a file ends with a text; line ends and spaces after it do not count."""
    wanted = marker.rstrip().encode()
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - len(wanted) - 4096))
        return file.read().rstrip().endswith(wanted)


def _measured(path: Path, watch: Watch) -> tuple[int, str]:
    """Bytes and BLAKE3 of a file."""
    from blake3 import blake3

    total, size = blake3(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            watch.ok()
            total.update(chunk)
            size += len(chunk)
            watch.moved(len(chunk))
    return size, total.hexdigest()


def _compare(manifest: Mapping[str, Any], file: Path, watch: Watch) -> Iterator[str]:
    if not file.is_file():
        yield f"the file {file.name} is missing"
        return
    size, digest = _measured(file, watch)
    if size != manifest["bytes"]:
        yield f"{file.name} has {size} bytes, and had {manifest['bytes']}"
    elif digest != manifest["blake3"]:
        yield f"{file.name} has as many bytes ({size}), but not the same"


def _prove(file: Path, scratch: Path, context: SourceContext, watch: Watch) -> Iterator[str]:
    """Runs the drill command; a sentence where it says that the file is no good.

    Raises:
        CannotDrill: the configuration has no such command any more, or this machine does not have its program.
    """
    command = context.options.get("drill")
    if not command:
        why = "the source has no `drill` any more, and the snapshot was taken with one"
        raise CannotDrill("the drill command is not known here", why=why, hint="the next backup is proven without it")
    env, secrets = _environment(context.options, context)
    place = scratch / "drill"
    place.mkdir()
    try:
        child = child_env({**env, FILE_VARIABLE: str(file), "TMPDIR": str(place)})
        ended = run_child(_arguments(command), watch=watch, env=child, cwd=place, secrets=secrets)
    except Permanent as error:
        raise CannotDrill("the drill command cannot be run", why=str(error), hint="install what it needs") from error
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if ended.code in _NOT_RUN and isinstance(command, str):
        raise CannotDrill("the drill command cannot be run", why=_said(ended), hint="install what it needs")
    if ended.code:
        yield f"the drill command says that it is no good: {_said(ended)}"


def _require_file(manifest: Mapping[str, Any], target: RestoreTarget) -> None:
    if others := [one for one in target.only if one != manifest["file"]]:
        raise NotFound(f"there is no {others[0]} in this snapshot", hint=f"it has one file: {manifest['file']}")


def _place(manifest: Mapping[str, Any], target: RestoreTarget) -> Path:
    path = Path(target.to).expanduser()
    path = path / str(manifest["file"]) if path.is_dir() or target.to.endswith("/") else path
    if not path.parent.is_dir():
        raise Permanent("there is no such folder", where=str(path.parent), hint="make it first, or name another")
    if path.is_dir():
        raise Permanent("a folder is in the place of the file", where=str(path), hint="name another place")
    return path


def _file_step(path: Path, target: RestoreTarget) -> RestoreStep:
    if not path.exists():
        return RestoreStep("create", f"file {path.name}", str(path))
    if target.overwrite:
        return RestoreStep("update", f"file {path.name}", str(path), "the file is replaced")
    return RestoreStep(
        "skip", f"file {path.name}", str(path), "there is a file already; say that it may be overwritten"
    )


def _copied(source: Path, target: Path, watch: Watch) -> None:
    with source.open("rb") as file, open(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as copy:
        while chunk := file.read(_CHUNK):
            watch.ok()
            copy.write(chunk)
            watch.moved(len(chunk))


def _run_restore(
    manifest: Mapping[str, Any], file: Path, target: RestoreTarget, context: SourceContext | None, watch: Watch
) -> None:
    env = {name: _looked_up(name, reference, context) for name, reference in manifest["env"].items()}
    secrets = [*env.values(), target.secret]
    child = child_env({**env, FILE_VARIABLE: str(file), TO_VARIABLE: target.to})
    ended = run_child(_arguments(manifest["restore"]), watch=watch, env=child, cwd=file.parent, secrets=secrets)
    if ended.code:
        raise Permanent(
            "the restore command failed",
            where=target.to,
            why=_said(ended),
            hint="run it by hand; nothing else was changed",
        )


def _looked_up(name: str, reference: object, context: SourceContext | None) -> str:
    """A variable of the restore command: as the source names it, else the one of that name here."""
    if reference is not None and context is not None:
        return context.secret(reference, f"variable {name} of a command")
    if name not in os.environ:
        raise SecretMissing(f"the restore command needs the variable {name}", hint=f"set {name} and try again")
    return os.environ[name]


KIND = CommandKind()
