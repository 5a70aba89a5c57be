"""Rule → (found in these, not in these): failures that go unseen, old spellings."""

CASES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "carriage-returns": (
        (
            "rm -rf /tmp/foo\r\ndate\r\n",
            "ls\r",
            "#!/bin/bash\r\ncat <<EOF\r\na b\r\nEOF\r\n",
            "date\nif true; then\r\n  ls\nfi\n",
            "echo 'a\r\nb'\ndate\r\n",
        ),
        (
            "ls\ndate\n",
            "# from a Windows host\r\ndate\n",
            "nc -w 5 host 80 <<EOF\nGET / HTTP/1.0\r\n\r\nEOF\n",
            "printf 'a\r\nb'\n",
            "printf 'a\rb\n'",
        ),
    ),
    "byte-order-mark": (("\ufeff#!/bin/bash\ndate", "\ufeffdate"), ("#!/bin/bash\ndate", "echo '\ufeff'")),
    "no-strict-mode": (
        ("#!/bin/bash\ncd /srv\ntar xf app.tar\nrm app.tar", "ls; date; id"),
        (
            "#!/bin/bash\nset -euo pipefail\ncd /srv\ntar xf app.tar\nrm app.tar",
            "ls; date",
            "#!/bin/bash -e\nls; date; id",
        ),
    ),
    "cd-unchecked": (
        ("cd /srv/app\nrm -rf build", "f() { cd /srv; ls; }\nf"),
        ("cd /srv/app || exit\nrm -rf build", "set -e\ncd /srv\nls", "if cd /srv; then ls; fi", "ls\ncd /srv"),
    ),
    "fixed-temp-file": (
        ("date > /tmp/report.txt", "mkdir /tmp/work", "touch /tmp/lock.$$", "ls | tee /var/tmp/out"),
        ('out=$(mktemp)\ndate > "$out"', "cat /tmp/report.txt", "date > /srv/report.txt", "date > /tmp/a/b"),
    ),
    "temp-not-removed": (
        ('work=$(mktemp -d)\nls "$work"', "f=`mktemp`"),
        ('work=$(mktemp -d)\ntrap \'rm -rf -- "$work"\' EXIT\nls "$work"', "ls"),
    ),
    "parse-ls": (("ls | grep log", "ls -l | awk '{print $9}'"), ("ls -l", "ls | wc -l", "printf '%s\\n' *log*")),
    "useless-cat": (
        ("cat file | grep x", 'cat "$f" | sort'),
        ("grep x < file", "cat a b | grep x", "cat | sort", "cat -n f | grep x"),
    ),
    "read-without-r": (
        ("read line", 'while read a b; do echo "$a"; done'),
        ("read -r line", "IFS= read -rd '' x", "mapfile x"),
    ),
    "unchecked-pipeline": (
        ("pg_dump app | gzip > app.gz", "curl -f https://example.org/x | tar x"),
        ("set -o pipefail\npg_dump app | gzip > app.gz", "ls | wc -l > n", "pg_dump app | less"),
    ),
    "exit-code-range": (("exit 256", "exit -1", "f() { return 1000; }"), ("exit 255", "exit 0", 'exit "$x"', "exit")),
    "masked-status": (
        ('f() { local x=$(date); echo "$x"; }', "export x=$(date)", 'f() { local y="$(id)"; }'),
        ('f() { local x; x=$(date); echo "$x"; }', "x=$(date)", "export x=1"),
    ),
    "status-test": (
        ("ls\nif [ $? -eq 0 ]; then date; fi", 'ls; test "$?" = 0'),
        ("if ls; then date; fi", "ls; status=$?"),
    ),
    "clobber-input": (
        ("sort names > names", "sed s/a/b/ < conf > conf", 'cat "$f" | grep x > "$f"'),
        ("sort -o names names", "sort names > sorted", "sort a >> a", "grep names x > names", "echo names > names"),
    ),
    "backticks": (("x=`date`", 'echo "`id`"'), ("x=$(date)", "echo '`id`'", 'echo "\\`"')),
    "old-arithmetic": (("x=$[1 + 2]", "echo $[x * 2]"), ("x=$((1 + 2))", "echo '$[1]'")),
    "which": (("which git", "if which git >/dev/null; then ls; fi"), ("command -v git", "echo which")),
    "echo-options": (("echo -e 'a\\tb'", "echo -ne x"), ("printf 'a\\tb\\n'", "echo -n x", "echo '-e'x")),
    "expr": (("x=$(expr 1 + 2)", "expr $x \\* 2", "let x=1+2"), ("x=$((1 + 2))", "expr match abc a")),
    "old-grep": (("egrep 'a|b' file", "ls | fgrep x"), ("grep -E 'a|b' file", "echo egrep")),
    "old-network-tools": (("netstat -tlnp", "ifconfig eth0"), ("ss -tlnp", "ip address")),
    "test-and-or": (
        ('[ "$a" = x -a "$b" = y ]', "test -f a -o -f b"),
        ('[ "$a" = x ] && [ "$b" = y ]', "[ -a x ]", "[ '-a' = x ]"),
    ),
    "asks-a-question": (
        ("apt-get install nginx", "sudo dnf upgrade"),
        ("apt-get install -y nginx", "apt-get update", "yes | apt-get install nginx", "sudo dnf -y upgrade"),
    ),
}
