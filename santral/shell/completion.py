"""Write the completion of commands and options for bash, zsh and fish. The scripts start no program at a key."""

from __future__ import annotations

from santral.shell.command_tree import Command, CommandTree
from santral.shell.help_text import PROGRAM, list_options

SHELLS = ("bash", "zsh", "fish")

BASH = """\
# Completion of {program} for bash: source this file, or copy it to /usr/share/bash-completion/completions/{program}
_{program}() {{
    local path="" word words
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$path $word" in
{steps}
            *) ;;
        esac
    done
    case "$path" in
{words}
        *) words="" ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
    [ ${{#COMPREPLY[@]}} -gt 0 ] || COMPREPLY=($(compgen -f -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o filenames -F _{program} {program}
"""


def write_script(tree: CommandTree, shell: str) -> str:
    """Return the completion script of a shell. Raise KeyError for an unknown shell."""
    return {"bash": _write_bash, "zsh": _write_zsh, "fish": _write_fish}[shell](tree)


def _list_words(tree: CommandTree, command: Command) -> list[str]:
    return [*(one.words[-1] for one in tree.list_children(command.words)),
            *(name for one in list_options(command) for name in one.names)]


def _write_bash(tree: CommandTree) -> str:
    """Return the script of bash. It walks the words before the cursor down the tree, and offers what may follow."""
    found = tree.all_commands()
    path = {one.words: "".join(f" {word}" for word in one.words) for one in found}
    steps = [f'            "{path[one.words[:-1]]} {one.words[-1]}") path="{path[one.words]}" ;;'
             for one in found if one.words]
    words = [f'        "{path[one.words]}") words="{" ".join(_list_words(tree, one))}" ;;' for one in found]
    return BASH.format(program=PROGRAM, steps="\n".join(steps), words="\n".join(words))


def _write_zsh(tree: CommandTree) -> str:
    return ("#compdef santral\n# Completion for zsh, by the functions of bash.\n"
            "autoload -U +X bashcompinit && bashcompinit\n" + _write_bash(tree))


def _write_fish(tree: CommandTree) -> str:
    """Return the script of fish, with the summary of each command."""
    lines = [f"# Completion of {PROGRAM} for fish: copy it to ~/.config/fish/completions/{PROGRAM}.fish",
             f"complete -c {PROGRAM} -f -n __fish_use_subcommand -l version -d 'Show the version'"]
    for one in tree.all_commands():
        here = ("__fish_use_subcommand" if not one.words else
                "; and ".join(f"__fish_seen_subcommand_from {word}" for word in one.words))
        for child in tree.list_children(one.words):
            lines.append(f"complete -c {PROGRAM} -f -n '{here}' -a {child.words[-1]} -d '{_quote(child.summary)}'")
        for option in one.parameters:
            if option.is_option:
                lines += [f"complete -c {PROGRAM} -n '{here}' -l {name[2:]} -d '{_quote(option.help)}'"
                          f"{' -r' if option.metavar else ''}" for name in option.names if name.startswith("--")]
    return "\n".join(lines) + "\n"


def _quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
