"""Completion scripts for bash, zsh and fish, from the parser.

They hand over to the completion of the recorded program where it has been named. A general writer
(shtab 1.13 was tried) goes on offering our own options there: `record gcc --qu` became `--quiet`.
"""

from __future__ import annotations

import argparse

from reenact.reference import parser_facts as facts

# Names of traces: links and directories with a manifest in the default place.
_LIST_TRACES = (
    'for trace in "${REENACT_TRACE_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/reenact}"/*/; do '
    '[ -f "$trace/manifest.json" ] && basename "$trace"; done 2>/dev/null'
)


def bash(parser: argparse.ArgumentParser) -> str:
    """A script for bash 4.2 or later."""
    commands = facts.subcommands(parser)
    lines = [
        "# Completion of reenact for bash; written by `reenact completion bash`.",
        "_reenact_traces() {",
        f"    {_LIST_TRACES}",
        "}",
        "_reenact() {",
        "    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}",
        "    COMPREPLY=()",
        '    if [ "$COMP_CWORD" -eq 1 ]; then',
        f"        COMPREPLY=($(compgen -W '{' '.join(commands)} --help --version' -- \"$word\"))",
        "        return",
        "    fi",
        "    case ${COMP_WORDS[1]} in",
    ]
    for name, command in commands.items():
        lines.append(f"    {name})")
        lines += _bash_command(command)
        lines.append("        ;;")
    lines += ["    esac", "}", "complete -o filenames -F _reenact reenact", ""]
    return "\n".join(lines)


def _bash_command(command: argparse.ArgumentParser) -> list[str]:
    lines = []
    values = [action for action in facts.options(command) if action.nargs != 0]
    if values:
        lines.append("        case $previous in")
        for action in values:
            spellings = "|".join(action.option_strings)
            lines.append(f"        {spellings}) {_bash_values(action)}; return ;;")
        lines.append("        esac")
    program = [a for a in facts.positionals(command) if facts.kind_of_value(a) == "program"]
    if program:
        lines += _bash_program(values)
    options = " ".join(option for a in facts.options(command) for option in a.option_strings)
    lines += [
        "        if [[ $word == -* ]]; then",
        f"            COMPREPLY=($(compgen -W '{options}' -- \"$word\"))",
        "            return",
        "        fi",
    ]
    lines += [f"        {_bash_values(action)}" for action in facts.positionals(command)][:1]
    return lines


def _bash_program(values: list[argparse.Action]) -> list[str]:
    """Hand over to the completion of the recorded program once it has been named."""
    taking = "|".join(option for action in values for option in action.option_strings)
    return [
        "        local index=2",
        '        while [ "$index" -lt "$COMP_CWORD" ]; do',
        "            case ${COMP_WORDS[index]} in",
        f"            {taking}) index=$((index + 2)) ;;",
        "            --) index=$((index + 1)); break ;;",
        "            -*) index=$((index + 1)) ;;",
        "            *) break ;;",
        "            esac",
        "        done",
        '        if [ "$index" -lt "$COMP_CWORD" ]; then',
        '            if declare -F _command_offset >/dev/null; then _command_offset "$index"',
        '            else COMPREPLY=($(compgen -f -- "$word")); fi',
        "            return",
        "        fi",
    ]


def _bash_values(action: argparse.Action) -> str:
    kind = facts.kind_of_value(action)
    generate = {
        "choice": f"-W '{' '.join(map(str, action.choices or ()))}'",
        "trace": '-d -W "$(_reenact_traces)"',
        "directory": "-d",
        "program": "-c -f",
    }.get(kind)
    return ":" if generate is None else f'COMPREPLY=($(compgen {generate} -- "$word"))'


def zsh(parser: argparse.ArgumentParser) -> str:
    """A script for zsh, to be put in a directory of `$fpath` as `_reenact`."""
    lines = [
        "#compdef reenact",
        "# Completion of reenact for zsh; written by `reenact completion zsh`.",
        "_reenact_traces() {",
        f"    compadd -- $({_LIST_TRACES})",
        "    _files -/",
        "}",
        "_reenact() {",
        "    if (( CURRENT == 2 )); then",
        "        local -a names=(",
    ]
    for name, summary in facts.summaries(parser).items():
        lines.append(f"            {_zsh_quoted(name + ':' + summary)}")
    lines += [
        "        )",
        "        _describe command names",
        "        return",
        "    fi",
        "    local name=$words[2]",
        "    shift words; (( CURRENT-- ))",
        "    case $name in",
    ]
    for name, command in facts.subcommands(parser).items():
        specifications = [_zsh_option(action) for action in facts.options(command)]
        specifications += [_zsh_positional(action) for action in facts.positionals(command)]
        lines.append(f"    {name}) _arguments -s {' '.join(specifications)} ;;")
    lines += ["    esac", "}", '_reenact "$@"', ""]
    return "\n".join(lines)


def _zsh_option(action: argparse.Action) -> str:
    note = facts.help_text(action).replace("[", "(").replace("]", ")").replace(":", "\\:")
    value = "" if action.nargs == 0 else f":{facts.metavar(action)}:{_zsh_values(action)}"
    return " ".join(_zsh_quoted(f"{option}[{note}]{value}") for option in action.option_strings)


def _zsh_positional(action: argparse.Action) -> str:
    kind = facts.kind_of_value(action)
    if kind == "program":
        return "'(-)*::program:_normal'"
    repeated = "*" if action.nargs == "*" else ""
    return _zsh_quoted(f"{repeated}:{facts.metavar(action)}:{_zsh_values(action)}")


def _zsh_values(action: argparse.Action) -> str:
    kind = facts.kind_of_value(action)
    if kind == "choice":
        return f"({' '.join(map(str, action.choices or ()))})"
    return {"trace": "_reenact_traces", "directory": "_files -/"}.get(kind, "")


def _zsh_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def fish(parser: argparse.ArgumentParser) -> str:
    """A script for fish 3 or later."""
    lines = [
        "# Completion of reenact for fish; written by `reenact completion fish`.",
        "function __reenact_traces",
        "    set -l place $REENACT_TRACE_DIR",
        '    test -n "$place"; or set place (test -n "$XDG_DATA_HOME"; '
        "and echo $XDG_DATA_HOME; or echo ~/.local/share)/reenact",
        "    for manifest in $place/*/manifest.json",
        "        basename (dirname $manifest)",
        "    end",
        "end",
        "complete -c reenact -f",
    ]
    for name, summary in facts.summaries(parser).items():
        lines.append(
            f"complete -c reenact -n __fish_use_subcommand -a {name} -d {_fish_quoted(summary)}"
        )
    for name, command in facts.subcommands(parser).items():
        condition = f"-n '__fish_seen_subcommand_from {name}'"
        for action in facts.options(command):
            lines.append(f"complete -c reenact {condition} {_fish_option(action)}")
        for action in facts.positionals(command):
            values = _fish_values(action)
            if values:
                lines.append(f"complete -c reenact {condition} {values}")
    return "\n".join([*lines, ""])


def _fish_option(action: argparse.Action) -> str:
    words = []
    for option in action.option_strings:
        words.append(f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}")
    if action.nargs != 0:
        words.append(f"-x {_fish_values(action)}".rstrip())
    words.append(f"-d {_fish_quoted(facts.help_text(action))}")
    return " ".join(words)


def _fish_values(action: argparse.Action) -> str:
    return {
        "choice": f"-a '{' '.join(map(str, action.choices or ()))}'",
        "trace": "-a '(__reenact_traces) (__fish_complete_directories)'",
        "directory": "-a '(__fish_complete_directories)'",
        "program": "-a '(__fish_complete_subcommand --fcs-skip=2)'",
    }.get(facts.kind_of_value(action), "")


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
