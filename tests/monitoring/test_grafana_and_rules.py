"""The dashboard and the alert rules ask only for what is exported, and are valid for who reads them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from opsconsole.monitoring.detection.kinds import KINDS
from opsconsole.monitoring.detection.thresholds import parse
from opsconsole.monitoring.export.expressions import EXPRESSIONS
from opsconsole.monitoring.export.families import FAMILIES
from opsconsole.monitoring.export.grafana import dashboard
from opsconsole.monitoring.export.rules import alert_rules

_METRIC = re.compile(r"\b(?:node|opsconsole)_\w+")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def metrics_of(promql: str) -> set[str]:
    return set(_METRIC.findall(_STRING.sub('""', promql)))


def well_formed(promql: str) -> bool:
    """Brackets match, and nothing was left of the templates."""
    bare, depth = _STRING.sub('""', promql), []
    pairs = {")": "(", "}": "{", "]": "["}
    for char in bare:
        if char in "([{":
            depth.append(char)
        elif char in pairs and (not depth or depth.pop() != pairs[char]):
            return False
    return not depth and not re.search(r"\{[mev](:|\})", bare)


# -- rules


def rules_of(text: str) -> list[dict[str, Any]]:
    """The rules of our subset of YAML: two levels of `key: value`, values bare words or JSON strings."""
    head, _, body = text.partition("    rules:\n")
    assert [line for line in head.splitlines() if not line.startswith("#")] == ["groups:", "  - name: opsconsole"]
    found: list[dict[str, Any]] = []
    for line in body.splitlines():
        match = re.fullmatch(r'( {6}- | {8}| {10})(\w+):(?: ("(?:[^"\\]|\\.)*"|[\w.]+))?', line)
        assert match, line
        indent, key, value = match.groups()
        read = json.loads(value) if value and value.startswith('"') else value
        if indent.endswith("- "):
            found.append({key: read})
        elif len(indent) == 8:
            found[-1][key] = {} if value is None else read
        else:
            found[-1][list(found[-1])[-1]][key] = read
    return found


def of_kind(rules: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [rule for rule in rules if rule["labels"]["kind"] == kind]


def test_every_kind_has_a_rule_for_each_severity() -> None:
    rules = rules_of(alert_rules(parse()))
    for kind in KINDS.values():
        assert [rule["labels"]["severity"] for rule in of_kind(rules, kind.name)] == [
            severity.word for severity, _ in kind.levels
        ], kind.name


def test_rules_ask_only_for_what_is_exported() -> None:
    for rule in rules_of(alert_rules(parse())):
        assert metrics_of(rule["expr"]), rule
        assert metrics_of(rule["expr"]) <= set(FAMILIES), rule
        assert well_formed(rule["expr"]), rule


def named(rules: list[dict[str, Any]], alert: str) -> dict[str, Any]:
    (found,) = [rule for rule in rules if rule["alert"] == alert]
    return found


def test_a_monitor_that_ended_is_missed_though_its_series_are_gone() -> None:
    rules = rules_of(alert_rules(parse()))
    promql = named(rules, "OpsconsoleSilent")["expr"]
    old, _, down = promql.partition(" or ")
    assert old == "time() - last_over_time(opsconsole_sample_timestamp_seconds[86400s]) > 120"
    assert down == 'up{job=~"opsconsole.*"} == 0'
    assert named(rules, "OpsconsoleAbsent")["expr"] == "absent(opsconsole_sample_timestamp_seconds)"


def test_a_monitor_that_seldom_looks_is_not_silent() -> None:
    rules = rules_of(alert_rules(parse(), 600.0))
    assert "> 2400 or" in named(rules, "OpsconsoleSilent")["expr"]
    assert named(rules, "OpsconsoleAbsent")["for"] == "2400s"
    day = named(rules_of(alert_rules(parse(), 86_400.0)), "OpsconsoleSilent")["expr"]
    assert "[691200s]) > 345600 or" in day, "it must look back further than it waits"


def test_the_file_says_how_it_was_made() -> None:
    from opsconsole.cli.monitor import build

    commands = [line.rpartition(": ")[2] for line in alert_rules(parse()).splitlines() if "generated" in line]
    assert commands == ["opsconsole monitor rules"]
    assert build().parse_args(commands[0].split()[2:]).action == "rules"


def test_the_command_passes_the_interval_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    from opsconsole.cli import monitor

    monkeypatch.setenv("OPSCONSOLE_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").write_text("[monitor]\nidle_interval_s = 900\n")
    assert monitor.run(monitor.build().parse_args(["rules"])) == 0
    assert "> 3600 or" in named(rules_of(capfdbinary.readouterr().out.decode()), "OpsconsoleSilent")["expr"]


def test_every_expression_is_of_a_kind() -> None:
    assert set(EXPRESSIONS) <= set(KINDS)


def test_levels_and_durations_are_those_of_the_settings() -> None:
    own = parse({"cpu_high": {"medium": 50, "for_s": 90, "clear_for_s": 30}, "disk_full": {"enabled": False}})
    rules = rules_of(alert_rules(own))
    first = of_kind(rules, "cpu_high")[0]
    assert first["expr"] == "opsconsole_cpu_usage_ratio > 0.5"
    assert (first["for"], first["keep_firing_for"]) == ("90s", "30s")
    assert of_kind(rules, "disk_full") == []


def test_a_subject_of_its_own_is_left_out_of_the_general_rule() -> None:
    own = parse({"disk_full": {"on": {"/var/*": {"low": 50}, '/s"r\\v': {"enabled": False}}}})
    rules = of_kind(rules_of(alert_rules(own)), "disk_full")
    special = [rule["expr"] for rule in rules if 'mountpoint=~"/var/.*"' in rule["expr"]]
    general = [rule["expr"] for rule in rules if rule["expr"] not in special]
    assert len(special) == len(general) == 4
    assert "> 0.5)" in special[0] and "> 0.85)" in general[0]
    assert all('mountpoint!~"/var/.*|/s\\"r\\\\\\\\v"' in promql for promql in general)
    assert all(map(well_formed, special + general))


def test_a_host_of_its_own_is_told_by_its_instance() -> None:
    rules = of_kind(rules_of(alert_rules(parse({"cpu_high": {"on": {"db-0[17]": {"enter": 99}}}}))), "cpu_high")
    assert rules[0]["expr"] == 'opsconsole_cpu_usage_ratio{instance=~"db-0[17](:[0-9]+)?"} > 0.99'
    assert rules[-1]["expr"].startswith('opsconsole_cpu_usage_ratio{instance!~"db-0[17](:[0-9]+)?"}')


def test_hostile_patterns_stay_strings() -> None:
    pattern = 'x"\n      - alert: evil\x7f\u2028${{`'
    text = alert_rules(parse({"disk_full": {"on": {pattern: {"low": 1}}}}))
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "evil" not in {rule["alert"] for rule in rules_of(text)}
    assert any("evil" in rule["expr"] for rule in rules_of(text))


def test_promtool_accepts_the_rules(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool was not found")
    file = tmp_path / "rules.yml"
    file.write_text(alert_rules(parse({"disk_full": {"on": {"/v*": {"low": 1}}}})), encoding="utf-8")
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


# -- the dashboard


def queries() -> list[str]:
    made = dashboard()
    found = [target["expr"] for panel in made["panels"] for target in panel["targets"]]
    return [*found, *(each["expr"] for each in made["annotations"]["list"])]


def test_the_dashboard_asks_only_for_what_is_exported() -> None:
    for promql in queries():
        assert metrics_of(promql) and metrics_of(promql) <= set(FAMILIES), promql
        assert well_formed(promql), promql


def test_the_dashboard_shows_nearly_everything_that_is_exported() -> None:
    shown = set().union(*map(metrics_of, queries()))
    assert {name for name in FAMILIES if name.startswith("opsconsole_")} - shown <= {
        "opsconsole_build_info", "opsconsole_sample_interval_seconds", "opsconsole_process_count",
        "opsconsole_network_receive_packets_per_second", "opsconsole_network_transmit_packets_per_second",
    }  # fmt: skip


def test_the_dashboard_has_the_form_that_grafana_imports() -> None:
    made = json.loads(json.dumps(dashboard()))
    assert made["schemaVersion"] == 39 and made["id"] is None and made["title"]
    names = [each["name"] for each in made["templating"]["list"]]
    assert names == ["datasource", "instance"]
    panels = made["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["type"] in ("stat", "timeseries") and panel["title"] and panel["targets"]
        ids = [target["refId"] for target in panel["targets"]]
        assert ids == sorted(set(ids))
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken and max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
