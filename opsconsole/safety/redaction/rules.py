"""The rules: what a secret looks like when nobody told us its value.

Chosen from and shaped after the public rule list of gitleaks (https://github.com/gitleaks/gitleaks,
`config/gitleaks.toml`, MIT License, Copyright (c) 2019 Zachary Rice), and rewritten for text that is looked at while it
is printed; the rules for command lines, URLs, headers and assignments are our own.

Three things hold for every rule, and tests check them:

- a match begins with a keyword, or what is replaced (group 1, else the whole match) begins behind one: so the part of
  a line that stands before its first keyword can be shown at once;
- a match never leaves its line and is at most `LONGEST` bytes long;
- no repeat stands inside a repeat: the time is linear in the length of the line.

Keywords are compared after `FOLD`: in lower case, with `-` as `_`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST = 6 * 1024
"""Bytes a rule's match can have; a longer token is hidden up to there, and the rest of its word with it."""

FOLD = bytes(ord("_") if byte == ord("-") else bytes([byte]).lower()[0] for byte in range(256))


# What lets nearly every line pass without a rule being tried: cheap to look for, and in every line that a rule matches
# there is one of them (a test holds that). The first two are looked for in the text after `FOLD`, the others in itself.
# A pattern (compiled on first use) is tried only where there is what stands before it.
COARSE_WORDS = (
    b"pass", b"pwd", b"secret", b"token", b"apikey", b"accountkey", b"accesskey", b"credential", b"authorization",
    b"bearer", b"cookie:", b"ya29.", b"q~", b"xox", b"heroku", b"twilio", b"hooks.slack.com", b"dapi", b"aws",
)  # fmt: skip
COARSE_FOLDED = (
    b"_",
    rb"_(?:(?<=[\t ]_)(?:[puaw]|_user|_proxy)|(?=[a-z0-9_+/.=]{8})(?<=[a-z1]_)(?:(?<=(?<![a-z0-9])sk_)|"
    rb"(?<=gh[pousr]_)|(?<=hub_pat_)|(?<=ckr_pat_)|(?<=gl(?:pat|ptt|cbt)_)|(?<=gl[dr]t_)|(?<=ocspx_)|(?<=xapp_)|(?<=rk_)|"
    rb"(?<=npm_)|(?<=pypi_)|(?<=gems_)|(?<=_v1_)|(?<=hrku_)|(?<=hf_)|(?<=gls[a]_)|(?<=glc_)|(?<=shp[acps][ats]_)|"
    rb"(?<=shp[as]s_)|(?<=in_api_)|(?<=nrak_)|(?<=pmak_)|(?<=tskey_)|(?<=ntry[su]_)|(?<=(?<![a-z0-9])key_)|(?<=age_))|key)",
)
COARSE = (
    (b"A", rb"A(?:KIA|SIA|BIA|CCA|Iza|TATT3)"),
    (b"eyJ", rb"eyJ"),
    (b"SG.", rb"SG\."),
    (b":AA", rb":AA"),
    (b"hv", rb"hv[sbr]\."),
    (b"://", rb"://[^\s/?#\"'<>@]{1,800}@"),
)


class Rule(NamedTuple):
    """`name` stands in the text in place of the secret. `keywords`: one of them, folded, is in every match."""

    name: str
    keywords: tuple[bytes, ...]
    pattern: bytes
    flags: int = 0


_I = re.IGNORECASE
_EDGE = rb"(?<![A-Za-z0-9])"
_END = rb"(?![A-Za-z0-9_-])"
_WORD = rb"[^\s\"'`<>|;&(){},]"  # of a shell word or a quoted string

# A value that tells nothing: a placeholder, a variable, a word of a message.
_NOTHING = (
    rb"(?!\[redacted:|[*x.]{3}|[<{%(\[]|\$|(?i:true|false|null|none|nil|yes|no|on|off|empty|unset|required|optional|"
    rb"expired?|invalid|missing|changed|incorrect|failed|failure|wrong|not|is|was|has|for|from|with|the|and|must|may|"
    rb"should|will|prompt|disabled|enabled|default|undefined|string|password|passwd|secret|token|str|bytes|optional)"
    rb"(?![A-Za-z0-9_@#!$%^*+/=-]))"
)
_ASSIGN = rb"\\?[\"']?[ \t]{0,8}(?::=|=>|==?|:)[ \t]{0,8}\\?[\"'`]?"

_OPTIONS = rb"[ \t](?:[^\r\n|;&]{0,400}?[ \t])?"  # of a command, up to the one that counts
_VALUE = rb"[\"']?(?!\[redacted:|\$)(" + _WORD + rb"{1,256})"

RULES: tuple[Rule, ...] = (
    # -- tokens that name their issuer
    Rule("github-token", (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_"), _EDGE + rb"gh[pousr]_[A-Za-z0-9]{36,255}"),
    Rule("github-token", (b"github_pat_",), _EDGE + rb"github_pat_[A-Za-z0-9_]{30,255}"),
    Rule(
        "gitlab-token",
        (b"glpat_", b"gldt_", b"glrt_", b"glptt_", b"glcbt_"),
        _EDGE + rb"gl(?:pat|dt|rt|ptt|cbt)-[A-Za-z0-9_.=-]{20,300}",
    ),
    Rule(
        "aws-access-key", (b"akia", b"asia", b"abia", b"acca"), _EDGE + rb"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}" + _END
    ),
    Rule(
        "aws-secret-key",
        (b"aws",),
        rb"aws[\w.-]{0,30}(?:secret|key)[\w.-]{0,20}\\?[\"']?[ \t]{0,8}[:=>]{1,2}[ \t]{0,8}\\?[\"']?"
        rb"([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        _I,
    ),
    Rule("gcp-api-key", (b"aiza",), _EDGE + rb"AIza[A-Za-z0-9_-]{35}" + _END),
    Rule("gcp-oauth", (b"ya29.",), _EDGE + rb"ya29\.[A-Za-z0-9_.-]{20,2000}"),
    Rule("gcp-client-secret", (b"gocspx_",), _EDGE + rb"GOCSPX-[A-Za-z0-9_-]{20,60}"),
    Rule("azure-storage-key", (b"accountkey",), rb"AccountKey=([A-Za-z0-9+/]{60,120}={0,2})", _I),
    Rule("azure-shared-key", (b"sharedaccesskey",), rb"SharedAccessKey=([A-Za-z0-9+/]{30,120}={0,2})", _I),
    Rule("azure-client-secret", (b"q~",), rb"(?<=[A-Za-z0-9_~.]{3}\d)(Q~[A-Za-z0-9_~.-]{31,34})" + _END),
    Rule("slack-token", (b"xox",), _EDGE + rb"xox[abeoprs]-(?:\d-)?[A-Za-z0-9-]{10,250}"),
    Rule("slack-app-token", (b"xapp_",), _EDGE + rb"xapp-\d-[A-Za-z0-9-]{20,250}"),
    Rule(
        "slack-webhook",
        (b"hooks.slack.com",),
        rb"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9+/_-]{20,120})",
    ),
    Rule(
        "stripe-key",
        (b"sk_live_", b"sk_test_", b"rk_live_", b"rk_test_", b"rk_prod_", b"sk_prod_"),
        _EDGE + rb"[sr]k_(?:live|test|prod)_[A-Za-z0-9]{10,250}",
    ),
    Rule("anthropic-key", (b"sk_ant_",), _EDGE + rb"sk-ant-[A-Za-z0-9_-]{20,250}"),
    Rule(
        "openai-key",
        (b"sk_",),
        _EDGE + rb"sk-(?:proj-|svcacct-|admin-)?(?=[A-Za-z_-]{0,100}\d)(?=[\d_-]{0,100}[A-Za-z])[A-Za-z0-9_-]{32,250}",
    ),
    Rule("npm-token", (b"npm_",), _EDGE + rb"npm_[A-Za-z0-9]{36}" + _END),
    Rule("pypi-token", (b"pypi_ageichlwas",), _EDGE + rb"pypi-AgEIcHlwaS[A-Za-z0-9_-]{40,1000}"),
    Rule("rubygems-token", (b"rubygems_",), _EDGE + rb"rubygems_[a-f0-9]{48}" + _END),
    Rule("docker-token", (b"dckr_pat_",), _EDGE + rb"dckr_pat_[A-Za-z0-9_-]{20,60}"),
    Rule("jwt", (b"eyj",), _EDGE + rb"eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,3000}(?:\.[A-Za-z0-9_-]{0,800})?"),
    Rule("digitalocean-token", (b"dop_v1_", b"doo_v1_", b"dor_v1_"), _EDGE + rb"do[opr]_v1_[a-f0-9]{64}" + _END),
    Rule("heroku-key", (b"hrku_",), _EDGE + rb"HRKU-[A-Za-z0-9_-]{36,80}"),
    Rule(
        "heroku-key",
        (b"heroku",),
        rb"heroku[\w.\"' -]{0,20}[:=>]{1,2}[ \t\"']{0,5}"
        rb"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",
        _I,
    ),
    Rule("telegram-bot-token", (b":aa",), rb"(?<=[0-9]{7}):(AA[A-Za-z0-9_-]{33})" + _END),
    Rule("twilio-key", (b"twilio",), rb"twilio[^\r\n]{0,40}?[^A-Za-z0-9](SK[0-9a-f]{32}|[0-9a-f]{32})" + _END, _I),
    Rule("sendgrid-key", (b"sg.",), _EDGE + rb"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}"),
    Rule("vault-token", (b"hvs.", b"hvb.", b"hvr."), _EDGE + rb"hv[sbr]\.[A-Za-z0-9_-]{24,300}"),
    Rule("huggingface-token", (b"hf_",), _EDGE + rb"hf_[A-Za-z]{34}" + _END),
    Rule("grafana-token", (b"glsa_", b"glc_"), _EDGE + rb"gl(?:sa|c)_[A-Za-z0-9+/=_]{32,400}"),
    Rule("databricks-token", (b"dapi",), _EDGE + rb"dapi[a-f0-9]{32}(?:-\d)?" + _END),
    Rule("shopify-token", (b"shpat_", b"shpca_", b"shppa_", b"shpss_"), _EDGE + rb"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    Rule("linear-key", (b"lin_api_",), _EDGE + rb"lin_api_[A-Za-z0-9]{40}"),
    Rule("newrelic-key", (b"nrak_",), _EDGE + rb"NRAK-[A-Z0-9]{27}" + _END),
    Rule("postman-key", (b"pmak_",), _EDGE + rb"PMAK-[a-f0-9]{24}-[a-f0-9]{34}", _I),
    Rule("tailscale-key", (b"tskey_",), _EDGE + rb"tskey-[a-z]{2,12}-[A-Za-z0-9-]{15,90}"),
    Rule("sentry-token", (b"sntrys_", b"sntryu_"), _EDGE + rb"sntry[su]_[A-Za-z0-9+/=_]{40,400}"),
    Rule("atlassian-token", (b"atatt3",), _EDGE + rb"ATATT3[A-Za-z0-9_=-]{50,250}"),
    Rule("mailgun-key", (b"key_",), _EDGE + rb"key-[a-f0-9]{32}" + _END),
    Rule("age-key", (b"age_secret_key_",), _EDGE + rb"AGE-SECRET-KEY-1[0-9A-Z]{58}" + _END),
    # -- places where secrets stand
    Rule(
        "url-password",
        (b"://",),
         rb"://[^\s/?#\"'<>@:\[]{0,256}:(?!\[redacted:|[*]{3}|\$|[<{])([^\s/?#\"'<>@]{1,512})@",
    ),
    Rule("url-token", (b"://",), rb"://(?=[^\s/?#\"'<>@:]{0,200}\d)([A-Za-z0-9_-]{20,512})@"),
    Rule(
        "authorization",
        (b"authorization",),
        rb"authorization\\?[\"']?[ \t]{0,8}[:=][ \t]{0,8}\\?[\"']?(?:(?:bearer|basic|token|digest|negotiate|apikey|"
        rb"aws4-hmac-sha256)[ \t]{1,8})?(?!(?:\w{1,16}[ \t]{1,8})?\[redacted:|\$|[<{%])([^\s\"'\\,;]{4,4000})",
        _I,
    ),
    Rule(
        "bearer-token",
        (b"bearer",),
        rb"bearer[ \t]{1,8}(?=[A-Za-z_.~+/=-]{0,200}\d)([A-Za-z0-9_.~+/=-]{12,4000})",
        _I,
    ),
    Rule("cookie", (b"cookie:",), rb"cookie:[ \t]{0,8}(?!\[redacted:)([^\s=;]{1,100}=[^\r\n\"']{8,4000})", _I),
    Rule(
        "password",
        (b"passw", b"passphr"),
        rb"pass(?:w(?:or)?d|phrase)s?[A-Za-z0-9]{0,16}(?<!expir)" + _ASSIGN + _NOTHING + rb"(" + _WORD + rb"{4,512})",
        _I,
    ),
    Rule(
        "password",
        (b"pwd", b"_pass"),
        rb"(?:pwd|_pass)" + _ASSIGN + _NOTHING + rb"(?![/~.])(" + _WORD + rb"{4,512})",
        _I,
    ),
    Rule(
        "secret",
        (b"secret", b"token", b"api_key", b"apikey", b"access_key", b"private_key", b"credential"),
        rb"(?:secret|token|api[_-]?key|access[_-]key|private[_-]key|credential)"
        rb"(?![_-]?(?:name|ref|type|file|path|count|ttl|len|size|url|uri|policy|mount|expir|version|arn|ring|dir))"
        rb"[A-Za-z0-9_-]{0,24}" + _ASSIGN + _NOTHING
        + rb"(?![/~.])(?=[^\s\"']{0,100}[0-9])(?=[^\s\"']{0,100}[A-Za-z])(" + _WORD + rb"{8,2000})",
        _I,
    ),
    Rule(
        "option",
        (b"passw", b"passphr", b"secret", b"token", b"api_key", b"apikey", b"access_key"),
        rb"(?<=-)(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]key)(?:-?key)?[ \t]{1,8}[\"']?"
        + _NOTHING + rb"(?![-/]|[A-Z_]{3,40}(?![A-Za-z0-9]))(" + _WORD + rb"{4,512})",
    ),
    # -- command lines of known clients
    Rule(
        "option",
        (b"mysql", b"mariadb", b"mycli"),
        rb"\b(?:mysql|mariadb|mycli)(?:dump|admin|import|show|check|-dump|-admin)?" + _OPTIONS + rb"-p" + _VALUE,
    ),
    Rule("option", (b"sshpass",), rb"\bsshpass" + _OPTIONS + rb"-p[ \t]{0,4}" + _VALUE),
    Rule(
        "option",
        (b"mongo", b"docker login", b"podman login", b"az login", b"oc login", b"helm registry"),
        rb"\b(?:mongo(?:sh|dump|restore|export|import)?|(?:docker|podman|az|oc) login|helm registry login)"
        + _OPTIONS + rb"-p[ \t]{1,4}(?!-)" + _VALUE,
    ),
    Rule("option", (b"redis_cli",), rb"\bredis-cli" + _OPTIONS + rb"-a[ \t]{1,4}" + _VALUE),
    Rule(
        "option",
        (b"curl", b"wget"),
        rb"\b(?:curl|wget)" + _OPTIONS + rb"(?:-u|-U|--user|--proxy-user)[ \t=]{0,4}[\"']?[^\s:\"'$<{]{1,128}:(?!/)"
        + _VALUE,
    ),
    Rule(
        "option",
        (b"smbclient", b"rpcclient"),
        rb"\b(?:smbclient|rpcclient)" + _OPTIONS + rb"-U[ \t]{0,4}[\"']?[^\s%\"']{1,128}%" + _VALUE,
    ),
    Rule(
        "option",
        (b"ldap",),
        rb"\bldap(?:search|modify|add|delete|passwd|whoami)" + _OPTIONS + rb"-w[ \t]{1,4}" + _VALUE,
    ),
    Rule("option", (b"passin", b"passout"), rb"pass(?:in|out)[ \t]{1,4}pass:" + _VALUE),
)  # fmt: skip
