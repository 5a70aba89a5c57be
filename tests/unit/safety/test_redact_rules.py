"""What the rules find, and what they leave alone."""

from __future__ import annotations

import base64
import hashlib
import random
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsconsole.safety.redact import Redaction, rule_set
from opsconsole.safety.redaction.lines import compiled
from opsconsole.safety.redaction.rules import FOLD, LONGEST, RULES, Rule
from tests.cases import each

RULED = Redaction(rules=rule_set())

HEX = "0123456789abcdef" * 8
ABC = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA" * 8

FOUND = [
    ("github-token", f"remote: ghp_{ABC[:36]} was used", f"ghp_{ABC[:36]}"),
    ("github-token", f"github_pat_{ABC[:22]}_{ABC[:59]}", ABC[:22]),
    ("gitlab-token", f"PRIVATE: glpat-{ABC[:20]}", ABC[:20]),
    ("aws-access-key", "id AKIAIOSFODNN7EXAMPLE in use", "AKIAIOSFODNN7EXAMPLE"),
    ("aws-secret-key", f"aws_secret_access_key = {ABC[:40]}", ABC[:40]),
    ("gcp-api-key", f"?key=AIza{ABC[:35]}", ABC[:35]),
    ("gcp-oauth", f"ya29.{ABC[:60]}", ABC[:60]),
    ("gcp-client-secret", f"GOCSPX-{ABC[:28]}", ABC[:28]),
    ("azure-storage-key", f"AccountName=x;AccountKey={ABC[:86]}==;EndpointSuffix=y", ABC[:86]),
    ("azure-shared-key", f"Endpoint=sb://x/;SharedAccessKey={ABC[:43]}=", ABC[:43]),
    ("azure-client-secret", f"abc8Q~{ABC[:34]}", ABC[:34]),
    ("slack-token", "xoxb-1234567890-1234567890-" + ABC[:24], ABC[:24]),
    ("slack-app-token", f"xapp-1-A0123-{ABC[:40]}", ABC[:40]),
    ("slack-webhook", f"https://hooks.slack.com/services/T0001/B0001/{ABC[:24]}", ABC[:24]),
    ("stripe-key", f"sk_live_{ABC[:24]}", ABC[:24]),
    ("anthropic-key", f"sk-ant-api03-{ABC[:93]}", ABC[:93]),
    ("openai-key", f"sk-proj-{ABC[:48]}", ABC[:48]),
    ("npm-token", f"//registry.npmjs.org/:x=npm_{ABC[:36]}", ABC[:36]),
    ("pypi-token", f"pypi-AgEIcHlwaS5vcmc{ABC[:80]}", ABC[:80]),
    ("rubygems-token", f"rubygems_{HEX[:48]}", HEX[:48]),
    ("docker-token", f"dckr_pat_{ABC[:27]}", ABC[:27]),
    ("jwt", "x eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P", "dozjgNryP4J3"),
    ("digitalocean-token", f"dop_v1_{HEX[:64]}", HEX[:64]),
    ("heroku-key", "HEROKU_API: heroku.key = 01234567-89ab-cdef-0123-456789abcdef", "456789abcdef"),
    ("heroku-key", f"HRKU-AA{ABC[:58]}", ABC[:58]),
    ("telegram-bot-token", f"bot123456789:AA{ABC[:33]}/getMe", ABC[:33]),
    ("twilio-key", f"twilio sid SK{HEX[:32]}", HEX[:32]),
    ("sendgrid-key", f"SG.{ABC[:22]}.{ABC[:43]}", ABC[:43]),
    ("vault-token", f"hvs.{ABC[:90]}", ABC[:90]),
    ("huggingface-token", "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH", "aBcDeFgHiJkL"),
    ("grafana-token", f"glsa_{ABC[:41]}", ABC[:41]),
    ("databricks-token", f"dapi{HEX[:32]}", HEX[:32]),
    ("shopify-token", f"shpat_{HEX[:32]}", HEX[:32]),
    ("linear-key", f"lin_api_{ABC[:40]}", ABC[:40]),
    ("newrelic-key", "NRAK-" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ0", "ABCDEFGHIJKL"),
    ("postman-key", f"PMAK-{HEX[:24]}-{HEX[:34]}", HEX[:34]),
    ("tailscale-key", f"tskey-auth-{ABC[:12]}-{ABC[:32]}", ABC[:32]),
    ("sentry-token", f"sntrys_{ABC[:80]}", ABC[:80]),
    ("atlassian-token", f"ATATT3{ABC[:180]}", ABC[:180]),
    ("mailgun-key", f"key-{HEX[:32]}", HEX[:32]),
    ("age-key", "AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE", "QPZRY9X8GF2T"),
    ("url-password", "postgres://app:hunter2@db.example.org/app", "hunter2"),
    ("url-password", "fatal: could not read https://x:p%40ss@git.example.org/r.git", "p%40ss"),
    ("url-password", "redis://:hunter2@cache:6379", "hunter2"),
    ("url-token", f"https://{ABC[:40]}@git.example.org/r.git", ABC[:40]),
    ("authorization", "> Authorization: Bearer abcdef", "abcdef"),
    ("authorization", "Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    ("authorization", '{"authorization": "token abc123"}', "abc123"),
    ("bearer-token", "sent bearer abcdef1234567890", "abcdef1234567890"),
    ("cookie", "Set-Cookie: session=abcdef0123456789; HttpOnly", "abcdef0123456789"),
    ("password", "password=hunter2", "hunter2"),
    ("password", "PGPASSWORD='hunter2 x' psql", "hunter2"),
    ("password", '"db_password": "hunter2",', "hunter2"),
    ("password", r"{\"password\":\"hunter2\"}", "hunter2"),
    ("password", "passphrase: correct-horse", "correct-horse"),
    ("password", "DB_PASS=hunter2 ./run", "hunter2"),
    ("password", "uid=sa;pwd=hunter2;", "hunter2"),
    ("secret", "token: abc123def456", "abc123def456"),
    ("secret", "client_secret=abc123def456", "abc123def456"),
    ("secret", "X-Api-Key: abc123def456", "abc123def456"),
    ("secret", '"apiKey":"abc123def456"', "abc123def456"),
    ("option", "backup --db-password hunter2 --verbose", "hunter2"),
    ("password", "backup --password=hunter2", "hunter2"),
    ("option", "deploy --token abcdef --now", "abcdef"),
    ("option", "root 17 mysql -u root -phunter2 app", "hunter2"),
    ("option", "mysqldump --all-databases -phunter2", "hunter2"),
    ("option", "sshpass -p hunter2 ssh host", "hunter2"),
    ("option", "sshpass -phunter2 ssh host", "hunter2"),
    ("option", "mongosh --host x -u app -p hunter2", "hunter2"),
    ("option", "docker login -u me -p hunter2 registry", "hunter2"),
    ("option", "redis-cli -h x -a hunter2 info", "hunter2"),
    ("option", "curl -s -u admin:hunter2 https://x", "hunter2"),
    ("option", "curl --user 'admin:hunter2' https://x", "hunter2"),
    ("option", "smbclient //x/y -U me%hunter2", "hunter2"),
    ("option", "ldapsearch -x -D cn=me -w hunter2", "hunter2"),
    ("option", "openssl rsa -in k -passin pass:hunter2", "hunter2"),
]


@each(FOUND)
def test_a_secret_is_replaced_by_the_name_of_its_rule(name: str, text: str, secret: str) -> None:
    clean = RULED.text(text)
    assert secret not in clean
    assert f"[redacted:{name}]" in clean


@each(FOUND)
def test_what_is_redacted_once_stays_as_it_is(name: str, text: str, secret: str) -> None:
    clean = RULED.text(text)
    assert RULED.text(clean) == clean


def test_every_rule_has_an_example() -> None:
    assert {rule.name for rule in RULES} == {name for name, _, _ in FOUND}
    assert 40 <= len(RULES) <= 70


@each(FOUND)
def test_every_match_begins_with_a_keyword_and_is_not_too_long(name: str, text: str, secret: str) -> None:
    data = text.encode()
    for rule in RULES:
        for match in compiled(rule).finditer(data):
            assert match[0].translate(FOLD).startswith(rule.keywords), rule
            assert len(match[0]) <= LONGEST


@pytest.mark.unmeasured
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name}-{rule.keywords[0].decode()}")
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_whatever_a_rule_matches_is_not_overlooked_by_the_quick_look(rule: Rule, data: st.DataObject) -> None:
    pattern = compiled(rule)
    text = data.draw(st.from_regex(pattern))
    if (match := pattern.search(text)) is not None:
        assert rule_set().suspicious(text)
        assert match[0].translate(FOLD).startswith(rule.keywords)


def _ordinary() -> list[str]:
    luck = random.Random(7)
    lines = [
        "Nov 20 03:04:05 web1 sshd[812]: Accepted publickey for deploy from 10.0.0.7 port 51514 ssh2: ED25519 SHA256:"
        + base64.b64encode(luck.randbytes(32)).decode().rstrip("="),
        "Nov 20 03:04:05 web1 sshd[812]: Failed password for invalid user admin from 10.0.0.7 port 51514 ssh2",
        "Nov 20 03:04:06 web1 sshd[812]: pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)",
        "Nov 20 03:04:06 web1 sudo: pam_unix(sudo:auth): authentication failure; logname= uid=1000 tty=/dev/pts/0",
        "systemd[1]: Started Session 4711 of User deploy.",
        "root         1  0.0  0.1 167744 11872 ?        Ss   Nov19   0:04 /sbin/init splash",
        "mysql      912  0.3  4.1 1789012 401234 ?     Ssl  Nov19   9:11 /usr/sbin/mysqld --port=3306 -u mysql",
        "postgres   733  0.0  0.3 214364 29412 ?        Ss   Nov19   0:05 postgres: checkpointer",
        "www-data   811  0.0  0.2  55220 21004 ?  S    Nov19   0:00 nginx: worker process -p /etc/nginx",
        "drwxr-xr-x 2 root root 4096 Nov 20 03:04 /etc/ssl/private",
        "PWD=/home/deploy OLDPWD=/root SSH_AUTH_SOCK=/tmp/ssh-x/agent.1 PATH=/usr/bin:/bin",
        "usage: backup [--password PASSWORD] [--token TOKEN] [--user NAME]",
        "  --password <value>   the password of the database (default: none)",
        "error: invalid token: expired",
        "PasswordAuthentication: no",
        "password: required",
        "secret: not found",
        "max_tokens: 8192 token_count=123456",
        "kubelet: MountVolume.SetUp succeeded for volume kube-api-access-x7k2p",
        'level=info msg="request" url=https://example.org/a/b?c=d status=200 duration=12ms',
        "git clone git@github.com:example/repo.git && git log https://github.com/example/repo",
        "mailto:ops@example.org http://user@example.org/path",
        "curl -s -o /dev/null https://example.org:8443/health",
        "mysql -u root -p -h db",
        "password=$DB_PASSWORD token=${TOKEN} api_key=<your key> secret={{ vault }}",
        "-rw-r--r-- 1 root root 451 passwd",
        "deploy:x:1000:1000::/home/deploy:/bin/bash",
        "risk-based disk-usage task-force sk-learn 1.5.2",
        "hf_hub_download npm_config_cache=/x pypi-server",
    ]
    for _ in range(400):
        raw = luck.randbytes(48)
        lines += [
            f"commit {hashlib.sha1(raw).hexdigest()}",  # noqa: S324 - as git has them
            f"sha256:{hashlib.sha256(raw).hexdigest()}  image/layer.tar",
            f"request_id={uuid.UUID(bytes=raw[:16])} trace={raw[:16].hex()}",
            base64.b64encode(luck.randbytes(57)).decode(),
            f"data:image/png;base64,{base64.b64encode(luck.randbytes(300)).decode()}",
        ]
    return lines


def test_ordinary_text_is_left_alone() -> None:
    changed = [line for line in _ordinary() if RULED.text(line) != line]
    assert changed == []


def test_a_sites_own_rules_are_tried_too() -> None:
    own = Redaction(rules=rule_set((("acme", "acme_[a-z0-9]{8,40}"), ("badge", r"\b[0-9]{4}-BADGE"))))
    assert own.text("x acme_abcdefgh1 y 1234-BADGE") == "x [redacted:acme] y [redacted:badge]"


@pytest.mark.unmeasured
@pytest.mark.parametrize(
    "unit", ["a", "=", "token=", "mysql -p ", "://a:", "eyJ", "password ", "-----BEGIN ", "curl -u "]
)
def test_a_hostile_line_takes_no_longer_than_its_length(unit: str) -> None:
    data = (unit * (400_000 // len(unit))).encode()
    stream = RULED.stream()
    assert stream.feed(data) + stream.finish() is not None
