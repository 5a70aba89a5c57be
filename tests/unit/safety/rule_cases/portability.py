"""Rule → (found in these, not in these): scripts for sh."""

CASES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "sh-double-bracket": (("[[ $x == y ]]", "if [[ -f x ]]; then ls; fi"), ('[ "$x" = y ]', "echo '[[ a ]]'")),
    "sh-array": (("a=(1 2)", 'echo "${a[0]}"'), ("set -- 1 2", 'echo "$1"')),
    "sh-source": (("source ./env", "if true; then source x; fi"), (". ./env", "echo source")),
    "sh-function": (("function f { ls; }", "function g() { ls; }"), ("f() { ls; }", "echo function f")),
    "sh-here-string": (("cat <<< text", 'grep x <<< "$y"'), ("printf '%s\\n' text | cat", "cat <<EOF\nx\nEOF")),
    "sh-redirect-both": (("ls &> out", "ls &>> out"), ("ls > out 2>&1", "ls >&2")),
    "sh-ansi-quote": (("echo $'a\\tb'", "x=$'\\n'"), ("printf 'a\\tb\\n'", "echo '$x'")),
    "sh-braces": (("touch file{1..3}", "cp f{,.old}"), ("touch file1 file2", "echo '{a,b}'", 'echo "{a,b}"')),
    "sh-double-equals": (('[ "$x" == y ]', "test a == b"), ('[ "$x" = y ]', "echo a == b")),
    "sh-expansion": (
        ('echo "${x:0:3}"', 'echo "${x/a/b}"', 'echo "${x^^}"', 'echo "${!x}"'),
        ('echo "${x#a}"', 'echo "${x:-a}" "${#x}"'),
    ),
    "sh-arithmetic-command": (
        ("((x++))", "for ((i=0;i<3;i++)); do ls; done", "let x=1"),
        ("x=$((x + 1))", "echo '((x))'"),
    ),
    "sh-process-substitution": (("diff <(ls a) <(ls b)", "ls > >(cat)"), ("ls a | diff - b", "echo '<(ls)'")),
    "sh-pipe-both": (("ls |& cat", "ls x |& grep y"), ("ls 2>&1 | cat", "echo '|&'")),
    "sh-append": (("x+=a", "PATH+=:/opt/bin"), ("x=${x}a", "echo x+=a")),
    "sh-declare": (
        ("declare x=1", "typeset -i n", "select x in a b; do ls; done"),
        ("x=1", "echo declare", "readonly x=1"),
    ),
    "sh-builtin": (
        ("pushd /srv", "shopt -s nullglob", "set -o pipefail", "read -p 'Go? ' x"),
        ("cd /srv", "set -eu", "read -r x"),
    ),
}
