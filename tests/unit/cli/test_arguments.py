"""The command line: each command with its help, examples and options, imported alone, and completed by shells."""

import re
import shlex
import subprocess
from importlib import import_module
from shutil import which
from types import ModuleType

import pytest

from usher_cli.arguments import GROUPS, MODULES, commands, make_parser, parse
from usher_cli.command import Command
from usher_cli.completion import script
from usher_cli.version import PROJECT
from usher_local.demo.recording import PICTURE, SESSION, picture

COMMANDS = list(commands())


def as_arguments(line: str) -> list[str]:
    """The arguments of an example, without the shell's syntax."""
    inner = re.sub(r"^source <\((.*)\)$", r"\1", line)
    return shlex.split(re.sub(r" > \w+$", "", inner))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.name)
def test_every_command_has_examples_that_can_be_typed(command: Command) -> None:
    assert command.examples
    for line, does in command.examples.items():
        program, *arguments = as_arguments(line)
        assert program == "usher"
        assert parse(arguments).do is command.do, line
        assert not does.endswith("."), does


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.name)
def test_every_help_describes_the_command_and_has_examples(
    command: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        parse([*command.name.split(), "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert str(command.do.__doc__) in text
    assert all(line in text for line in command.examples)
    assert ("--json" in text) == command.has_json
    assert ("--yes" in text) == command.asks


def test_the_version_is_the_projects(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--version"])
    assert ended.value.code == 0
    assert f'version = "{capsys.readouterr().out.strip().removeprefix("usher ")}"' in PROJECT.read_text().splitlines()


def test_modules_are_called_as_the_first_word_of_their_commands() -> None:
    for module in MODULES:
        some = list(commands([module]))
        assert {one.name.split()[0] for one in some} == {module.removesuffix("_")}
        assert (module in GROUPS) == (" " in some[0].name)


def test_a_command_is_imported_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []

    def load(name: str) -> ModuleType:
        loaded.append(name)
        return import_module(name)

    monkeypatch.setattr("usher_cli.arguments.import_module", load)
    parse(["--stack", "x", "logs", "films"])
    assert loaded == ["usher_cli.commands.logs"]


@pytest.mark.parametrize(("typed", "meant"), [("stauts", "status"), ("key", "keys"), ("imports", "import")])
def test_a_misspelt_command_is_reported_with_the_closest_one(
    capsys: pytest.CaptureFixture[str], typed: str, meant: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse([typed, "films"])
    assert f"there is no command {typed}. Did you mean {meant}?" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--stack", "other", "status"], ["status", "--stack", "other"]])
def test_the_stack_is_named_before_the_command_or_after_it(arguments: list[str]) -> None:
    assert parse(arguments).stack == "other"
    assert parse(["status"]).stack == "usher"


def completed(line: str) -> list[str]:
    """bash's completions of a line's last word."""
    words = line.split(" ")
    typed = f"COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}"
    program = f"{script(make_parser(), 'bash')}\n{typed}; _usher; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    ran = subprocess.run([str(which("bash")), "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    return ran.stdout.split()


LINES = {
    "usher pl": {"plan"},
    "usher --stack x pl": {"plan"},
    "usher events ": {*(one.name.split()[1] for one in COMMANDS if one.name.startswith("events ")), "--help"},
    "usher plan films --co": {"--config"},
    "usher keys create films --na": {"--name"},
    "usher status --js": {"--json"},
}


@pytest.mark.slow
@pytest.mark.skipif(not which("bash"), reason="there is no bash")
@pytest.mark.parametrize("line", LINES)
def test_the_shell_completes_commands_and_options(line: str) -> None:
    assert set(completed(line)) == LINES[line]


def test_the_recorded_session_can_be_typed_and_its_picture_loads_nothing() -> None:
    for line in SESSION:
        assert parse(as_arguments(line)[1:]).do
        assert f"$ {line}".replace(" ", "&#160;") in PICTURE.read_text(), "python -m usher_local.demo.recording"
    drawn = picture([("usher cost films", "films: $144.12 a month")])
    assert "$144.12&#160;a&#160;month" in drawn
    assert not re.search(r"@font-face|url\((?!#)|href|<image|<script", drawn)
