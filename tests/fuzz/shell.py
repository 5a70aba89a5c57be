"""Shell scripts that hide a marker command, `touch marker`, behind random wrappings."""

from __future__ import annotations

import shlex
from random import Random

_PLAIN = ("ls", "echo a", "cat in.txt", "true", "date +%s", "grep one in.txt", "sort in.txt", "find . -name x")


# ruff: noqa: E501 - a table of wrappings reads by its rows


def spelled(word: str, dice: Random) -> str:
    """The same word in another spelling, as bash dequotes it."""
    parts = []
    for letter in word:
        parts.append(
            dice.choice(
                [letter, letter, f"'{letter}'", f'"{letter}"', f"\\{letter}", f"$'\\x{ord(letter):x}'", f"{letter}''"]
            )
        )
    return dice.choice(["".join(parts), f"'{word}'", word, "$'" + "".join(f"\\{ord(c):03o}" for c in word) + "'"])


def _command(dice: Random) -> str:
    return dice.choice(
        [
            "touch marker",
            f"{spelled('touch', dice)} {spelled('marker', dice)}",
            ">marker",
            ": >| marker",
            "echo x >> marker",
            "sort -o marker in.txt",
            "sort in.txt --outp=marker",
            "uniq in.txt marker",
            "tee marker",
            "sed -i s/o/0/ in.txt",
            "sed 'w marker' in.txt",
            "sed -n '1e touch marker' in.txt",
            "awk 'BEGIN{print 1 > \"marker\"}'",
            "awk 'BEGIN{system(\"touch marker\")}'",
            "find . -maxdepth 0 -fprint marker",
            "./prog",
            ". ./hostile",
            "rm -f in.txt",
            "git branch marker",
            "c=touch; $c marker",
            "c='touch marker'; $c",
            "a[0]=touch; ${a[@]} marker",
            "printf -v PATH .; prog",
            "dd if=in.txt of=marker",
            "cp in.txt marker",
        ]
    )


def _wrapped(inner: str, dice: Random) -> str:
    quoted = shlex.quote(inner)
    label = dice.choice(["E", "'E'", "\\E"])
    index = f"a[$({inner})]"
    return dice.choice(
        [
            f"env {inner}", f"env -S {quoted}", f"nice -n1 {inner}", f"timeout 1 {inner}", f"command {inner}",
            f"builtin command {inner}", f"exec {inner}", f"time {inner}", f"! {inner}", f"xargs -I% {inner} <in.txt",
            f"echo a | xargs sh -c {quoted}", f"find . -maxdepth 0 -exec sh -c {quoted} \\;", f"bash -c {quoted}",
            f"sh -c {quoted}", f"eval {quoted}", f"eval {inner}", f"trap {quoted} EXIT", f"trap {quoted} DEBUG; true",
            f"cat <<E\n$({inner})\nE", f"cat <<-E\n\t`{inner}`\n\tE", f"bash <<{label}\n{inner}\nE", f"bash <<<{quoted}",
            f"cat <({inner})", f"echo >({inner})", f"echo $({inner})", f"echo \"`{inner}`\"", f"echo ${{x:-$({inner})}}",
            f"echo ${{x:=$({inner})}}", f"echo $(( 0 + $({inner}; echo 1) ))", f"[[ -v {shlex.quote(index)} ]]",
            f"test -v {shlex.quote(index)}", f"[[ {shlex.quote(index)} -eq 0 ]]", f"x={shlex.quote(index)}; echo $((x))",
            f"x={shlex.quote(index)}; [[ $x -gt 1 ]]", f"read {shlex.quote(index)} <in.txt", f"let {shlex.quote(index)}",
            f"declare -i y={shlex.quote(index)}", f"x={shlex.quote('$(' + inner + ')')}; echo \"${{x@P}}\"",
            f"printf -v {shlex.quote(index)} x", f"y=abc; x={shlex.quote(index)}; echo ${{y:x}}",
            f"PS4={shlex.quote('$(' + inner + ')')}; set -x; true", f"f() {{ {inner}; }}; f", f"ls() {{ {inner}; }}; ls",
            f"coproc {{ {inner}; }}", f"for i in 1; do {inner}; done", f"case a in a) {inner};; esac",
            f"if {inner}; then :; fi", f"while {inner}; do break; done", f"( {inner} )", f"{{ {inner}; }}", f"{inner} &",
            f"true && {inner}", f"false || {inner}", f"ls | {inner}", f"mapfile -C {quoted} -c1 x <in.txt",
            f"compgen -C {quoted}", f"alias ls={quoted}; shopt -s expand_aliases\nls", f"true\\\n; {inner}",
            f"echo a #'\n{inner} #'", f"x=1 {inner}", f"setsid {inner}", f"stdbuf -o0 {inner}", f"unset {shlex.quote(index)}",
            f"x=$({inner}) true", f"a=([$({inner})]=1)", f"echo ${{a[$({inner})]}}", f"echo {{a,$({inner})}}",
            f"select x in a; do {inner}; done <in.txt", f"echo \"${{x/$({inner})/}}\"", f"echo \"${{x:$({inner})}}\"",
            f"wait $({inner})", f"sort --compress-program={quoted} in.txt", f"git -c alias.x={shlex.quote('!' + inner)} x",
        ]
    )  # fmt: skip


def hidden(seed: int) -> str:
    """A script, the same for the same seed."""
    dice = Random(seed)
    script = _command(dice)
    for _ in range(dice.choice((0, 1, 1, 1, 2, 2, 3))):
        script = _wrapped(script, dice)
    if dice.random() < 0.3:
        script = dice.choice(("{0}; {1}", "{1}\n{0}", "{0} | {1}", "{1} && {0}")).format(dice.choice(_PLAIN), script)
    return script


def mutated(script: str, seed: int) -> str:
    """`script` with a few letters dropped, doubled, swapped or replaced by what means something to a shell."""
    dice = Random(seed)
    letters = list(script)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(letters) + 1)
        match dice.randrange(3):
            case 0:
                letters[at : at + 1] = []
            case 1:
                letters.insert(at, dice.choice("'\"\\$`(){}[]<>|&;# \n\t!*?~=@%"))
            case _:
                letters[at:at] = letters[at : at + dice.randint(1, 8)]
    return "".join(letters)
