"""What the review allows has no effect that the review does not list: a table, and a sample of generated lines."""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

import pytest

from opsconsole.safety.review import review
from tests.effects.batches import surprises
from tests.effects.lines import lines
from tests.effects.watch import missing, watch

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "strace is not installed")

_ONE_IN = 560
ALLOWED = """
ls -la /etc | sort -k5 -n | tail
ls -R dir
cat in.txt two.txt | wc -l
head -n 2 in.txt; tail -n 1 in.txt
cut -d, -f1 data.csv
sort -u in.txt | uniq -c | sort -rn
sort --parallel=1 -S 1M in.txt
tac in.txt | rev | nl
tr a-z A-Z < in.txt
paste in.txt two.txt
join in.txt two.txt
comm in.txt two.txt
diff -u in.txt two.txt
cmp in.txt two.txt
od -c in.txt | head
base64 in.txt
sha256sum in.txt elf
md5sum in.txt
stat in.txt
file in.txt elf
du -sh .
df -h
find . -type f -name '*.txt' -print
find . -type f -exec grep -l one {} +
find . -maxdepth 1 -newer in.txt
grep -rn one .
grep -c three in.txt
sed -n 1,2p in.txt
sed 's/one/two/' in.txt
awk '{ s += $2 } END { print s }' in.txt
awk -F, '{ print $1 }' data.csv
echo in.txt | xargs cat
printf '%s\\n' a b c
seq 1 5
date +%F
uname -a
id
whoami
hostname
uptime
free -m
ps aux
ps -ef | grep bash
ss -tlnp
ip -br addr
ip route
mount | head -3
lsblk
nproc
env | sort
printenv PATH
which ls
type ls
getconf PAGE_SIZE
locale
tar -tf arc.tar
tar -tzf arc.tar.gz
zcat two.txt.gz
gzip -l two.txt.gz
readlink -f link
realpath link
basename /a/b.txt .txt
dirname /a/b.txt
test -f in.txt && echo yes
[[ -d dir ]] && echo yes
for f in *.txt; do wc -l "$f"; done
x=5; echo $((x + 1))
while read -r line; do echo "$line"; done < in.txt
if grep -q one in.txt; then echo found; fi
case a in a) echo b ;; esac
cat <<< "here"
diff <(sort in.txt) <(sort two.txt)
timeout 2 cat in.txt
nice -n 5 ls
git status
git status --short
git log --oneline
git log -p -1
git diff
git show HEAD
git branch -a
git remote -v
git blame two.txt
bash -c 'ls dir'
ls nowhere 2>/dev/null
ls nowhere 2>&1 | cat
""".strip().splitlines()

# What the watch must see; were it blind, everything else here would pass.
SEEN = [
    ("touch marker", "write"),
    ("echo x > marker", "write"),
    ("chmod 600 in.txt", "write"),
    ("ln -s a b", "write"),
    ("rm -f in.txt", "delete"),
    ("pkill sleep", "kill"),
    ("bash -c 'exec 3<>/dev/tcp/192.0.2.1/80'", "network"),
    ("cp /bin/true t; ./t", "execute"),
    ("echo x > /proc/sys/kernel/core_pattern", "write"),
]


@pytest.mark.parametrize(("script", "kind"), SEEN)
def test_the_watch_sees(script: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "in.txt").touch()
    assert kind in {attempt.kind for attempt in watch(script, tmp_path).attempts}


def test_nothing_of_the_table_is_refused_and_nothing_surprises() -> None:
    assert [script for script in ALLOWED if review(script).verdict != "allow"] == []
    assert list(surprises(ALLOWED)) == []


def test_a_sample_of_the_catalogue_does_only_what_is_listed() -> None:
    # By what stands in a line: the same ones wherever their command is, whatever else is installed.
    chosen = [line for line in lines() if crc32(line.encode()) % _ONE_IN == 0]
    assert chosen
    assert list(surprises(line for line in chosen if review(line).verdict == "allow")) == []
