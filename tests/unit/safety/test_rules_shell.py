"""Every lint rule of the shell: what it finds, what it leaves alone, that its fix mends, that it has a page."""

import functools

import pytest

from opsconsole.safety.review import rules
from opsconsole.safety.review.model import Finding, Severity
from opsconsole.safety.review.rules import registry
from opsconsole.safety.review.shell import read_script
from opsconsole.safety.review.shell.facts import Script
from tests.cases import each
from tests.unit.safety.rule_cases import BASH, SH
from tests.unit.safety.rule_pages import Page, pages

CASES = {**BASH, **SH}
POSITIVE = [(rule, text) for rule, (found, _) in CASES.items() for text in found]
NEGATIVE = [(rule, text) for rule, (_, left) in CASES.items() for text in left]
PAGES = [page for page in pages("") if page.rule in rules.RULES]


def read(rule: str, text: str) -> Script:
    return read_script(text, "sh" if rule in SH else "bash")


@functools.cache  # most texts are asked about three times, and each time a parser would start
def findings(rule: str, text: str) -> list[Finding]:
    return [one for one in rules.lint(read(rule, text)) if one.rule in (rule, rules.FAILED)]


@each(POSITIVE)
def test_it_is_found(rule, text):
    found = findings(rule, text)
    assert {one.rule for one in found} == {rule}
    assert all(one.severity <= rules.RULES[rule].severity for one in found)
    assert all(0 <= one.start <= one.end <= len(text) for one in found)


@each(NEGATIVE)
def test_it_is_left_alone(rule, text):
    assert findings(rule, text) == []


@each(POSITIVE)
def test_a_fix_makes_it_go_away_and_keeps_the_script_one(rule, text):
    for _ in range(4):
        fixes = [one.fix for one in findings(rule, text) if one.fix]
        if not fixes:
            return
        for edit in sorted(fixes[0], key=lambda edit: edit.start, reverse=True):
            text = text[: edit.start] + edit.text + text[edit.end :]
        assert read_script(text).judgement.parsed, text
    raise AssertionError(f"still found: {text}")


def test_every_rule_has_cases_and_at_least_two_of_each():
    assert CASES.keys() == rules.RULES.keys()
    assert all(len(found) >= 2 and len(left) >= 2 for found, left in CASES.values())
    assert len(CASES) >= 45


def test_every_rule_has_a_page_with_its_severity():
    assert {page.rule for page in PAGES} == rules.RULES.keys()
    assert {page.rule: page.severity for page in PAGES} == {one.id: str(one.severity) for one in rules.RULES.values()}


@each(PAGES)
def test_the_bad_example_of_a_page_is_found_and_the_good_one_is_not(page: Page):
    assert findings(page.rule, page.bad)
    assert page.good is None or not findings(page.rule, page.good)


@each(sorted(rules.RULES))
def test_the_worst_severity_of_a_rule_is_one_that_it_gives(rule):
    worst = max(one.severity for text in CASES[rule][0] for one in findings(rule, text))
    assert worst is rules.RULES[rule].severity


def test_a_page_of_no_rule_is_a_key_error():
    for name in ("no-such-rule", "../model", ""):
        with pytest.raises(KeyError):
            rules.page(name)
    assert rules.page("rm-root").startswith("# rm-root: ")
    assert set(rules.all_ids()) >= rules.RULES.keys()


def test_a_rule_that_fails_is_told_and_stops_no_other(monkeypatch):
    def broken(script):
        raise ZeroDivisionError("oh")
        yield

    monkeypatch.setitem(rules.RULES, "broken", registry.Rule("broken", Severity.INFO, "Fails", broken))
    found = {one.rule: one for one in rules.lint(read_script("rm -rf /"))}
    assert found[rules.FAILED].message == "the rule broken failed: ZeroDivisionError: oh"
    assert "rm-root" in found


ORDINARY = """#!/bin/bash
set -euo pipefail
apt-get install -y nginx
systemctl restart nginx
useradd --system app
rm -f /var/cache/app/index
rm -rf /srv/app/old
tar czf /backup/etc.tgz /etc
cp app.conf /etc/app.conf
mkdir -p /srv/app && chown -R app: /srv/app
chmod 644 /etc/app.conf
kill "$(cat /run/app.pid)"
docker restart app
git pull
kubectl rollout restart deployment/web
echo "127.0.0.1 db" >> /etc/hosts
ufw allow 443/tcp
crontab -l
mount /dev/sdb1 /mnt
sed -i 's/a/b/' /etc/app.conf
"""


def test_ordinary_administration_asks_nobody():
    assert [one for one in rules.lint(read_script(ORDINARY)) if one.severity >= Severity.ERROR] == []


def test_root_makes_a_download_that_is_run_a_catastrophe():
    line = "curl -fsSL https://example.org/x | {}"
    assert findings("download-and-run", line.format("sh"))[0].severity is Severity.ERROR
    assert findings("download-and-run", line.format("sudo sh"))[0].severity is Severity.CATASTROPHIC


def test_columns_count_characters_after_letters_outside_of_ascii():
    (finding,) = findings("unquoted-expansion", "echo 'äöü€𝄞' $x")
    assert (finding.column, finding.end_column) == (14, 16)


def test_a_fix_in_a_text_inside_a_text_is_not_offered_where_it_would_be_wrong():
    for finding in findings("unquoted-expansion", 'bash -c "echo \\$x"') + findings("backticks", "sh -c 'x=`id`'"):
        assert finding.fix is None
