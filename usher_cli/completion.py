"""The completion of commands and options, as a script for a shell. Pure."""

import argparse
import shlex
from collections.abc import Iterator, Mapping

SHELLS = ("bash", "zsh")
TEMPLATE = """\
_usher() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" path="" words="" i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "${{COMP_WORDS[i]}}" in
            --stack) ((i++)) ;;
            -*) ;;
            *) path="${{path:+$path }}${{COMP_WORDS[i]}}" ;;
        esac
    done
    case "$path" in
{cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _usher usher ./usher"""
ZSH = "autoload -U +X bashcompinit && bashcompinit\n"
"""The lines with which zsh provides bash's completion commands."""


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script for a shell."""
    cases = "\n".join(
        f"        {pattern}) words={shlex.quote(' '.join(words))} ;;" for pattern, words in _cases(parser, "")
    )
    return (ZSH if shell == "zsh" else "") + TEMPLATE.format(cases=cases)


def _cases(parser: argparse.ArgumentParser, path: str) -> Iterator[tuple[str, list[str]]]:
    """The words that may follow, by bash's pattern of the words before: the most specific pattern first."""
    options = [one for action in parser._actions for one in action.option_strings if one.startswith("--")]
    inner: Mapping[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            inner = action.choices
    for word, command in inner.items():
        yield from _cases(command, f"{path} {word}".strip())
    if inner:
        yield shlex.quote(path), [*inner, *options]
    else:
        yield f"{shlex.quote(path)} | {shlex.quote(path + ' ')}*", options
