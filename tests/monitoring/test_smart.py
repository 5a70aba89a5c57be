"""The health of drives: documents as smartctl 7 writes them, and a real program of that name."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from opsconsole.monitoring.sampling import smart
from opsconsole.monitoring.sampling.smart_document import DriveHealth, judge


def document(status: int, said: str = "", **parts: Any) -> dict[str, Any]:
    head: dict[str, Any] = {
        "version": [7, 3],
        "svn_revision": "5338",
        "platform_info": "x86_64-linux-6.1.0-21-amd64",
        "build_info": "(local build)",
        "argv": ["smartctl", "--json", "-n", "standby", "-a", "/dev/sda"],
        "exit_status": status,
    }
    if said:
        head["messages"] = [{"string": said, "severity": "error"}]
    return {"json_format_version": [1, 0], "smartctl": head, **parts}


def attribute(number: int, name: str, raw: int, when_failed: str = "") -> dict[str, Any]:
    return {
        "id": number, "name": name, "value": 100, "worst": 100, "thresh": 10, "when_failed": when_failed,
        "flags": {"value": 51, "string": "PO--CK ", "prefailure": True, "updated_online": True},
        "raw": {"value": raw, "string": str(raw)},
    }  # fmt: skip


ATA = {"name": "/dev/sda", "info_name": "/dev/sda [SAT]", "type": "sat", "protocol": "ATA"}
NVME = {"name": "/dev/nvme0", "info_name": "/dev/nvme0", "type": "nvme", "protocol": "NVMe"}


def ata(status: int = 0, *, passed: bool = True, model: str = "WDC WD40EFRX-68N32N0", **raw: int) -> dict[str, Any]:
    names = {
        5: "Reallocated_Sector_Ct", 187: "Reported_Uncorrect", 188: "Command_Timeout",
        197: "Current_Pending_Sector", 198: "Offline_Uncorrectable",
    }  # fmt: skip
    table = [attribute(1, "Raw_Read_Error_Rate", 4711), attribute(9, "Power_On_Hours", 20000)]
    table += [attribute(number, name, raw.get(f"attribute_{number}", 0)) for number, name in names.items()]
    return document(
        status,
        device=ATA,
        model_name=model,
        smart_support={"available": True, "enabled": True},
        smart_status={"passed": passed},
        ata_smart_attributes={"revision": 16, "table": table},
        power_on_time={"hours": 20000},
        temperature={"current": 35},
    )


def nvme(status: int = 0, *, model: str = "Samsung SSD 980 PRO 1TB", passed: bool = True, **log: int) -> dict[str, Any]:
    figures = {
        "critical_warning": 0, "temperature": 38, "available_spare": 100, "available_spare_threshold": 10,
        "percentage_used": 3, "media_errors": 0, "num_err_log_entries": 120, "power_on_hours": 4000,
    }  # fmt: skip
    return document(
        status,
        device=NVME,
        model_name=model,
        smart_support={"available": True, "enabled": True},
        smart_status={"passed": passed, "nvme": {"value": 0 if passed else 1}},
        nvme_smart_health_information_log={**figures, **log},
        power_on_time={"hours": 4000},
        temperature={"current": 38},
    )


def test_a_good_disk_is_ok_and_has_its_figures() -> None:
    health = judge("/dev/sda", ata())
    assert (health.state, health.why) == ("ok", "")
    assert health.figures == {
        "attribute_5": 0, "attribute_187": 0, "attribute_188": 0, "attribute_197": 0, "attribute_198": 0,
        "temperature": 35, "power_on_hours": 20000,
    }  # fmt: skip


def test_a_disk_that_says_so_is_failing() -> None:
    health = judge("/dev/sda", ata(8, passed=False))
    assert (health.state, health.why) == ("failing", "the drive says that it is failing")


def test_an_attribute_at_its_threshold_is_failing_and_named() -> None:
    told = ata(16, attribute_5=1999)
    told["ata_smart_attributes"]["table"].append(attribute(10, "Spin_Retry_Count", 9, "now"))
    health = judge("/dev/sda", told)
    assert health.state == "failing"
    assert health.why == "an attribute is at its threshold: Spin_Retry_Count; 1999 replaced sectors"


@pytest.mark.parametrize(
    ("number", "raw", "state"),
    [
        (5, 8, "worn"),
        (187, 1, "failing"),
        (188, 3, "worn"),
        (188, 0x0001_0001_0000, "ok"),  # only the upper words, which count slow commands
        (197, 2, "failing"),
        (198, 2, "failing"),
    ],
)
def test_the_five_attributes_that_foretell_a_failure(number: int, raw: int, state: str) -> None:
    health = judge("/dev/sda", ata(**{f"attribute_{number}": raw}))
    assert health.state == state
    assert (health.why != "") == (state != "ok")


@pytest.mark.parametrize(("status", "state"), [(32, "worn"), (64, "ok"), (128, "worn"), (4, "ok")])
def test_the_exit_status_is_a_mask_and_no_error(status: int, state: str) -> None:
    assert judge("/dev/sda", ata(status)).state == state


def test_a_good_nvme_drive_is_ok_whatever_its_error_log_counts() -> None:
    assert judge("/dev/nvme0", nvme(64)).state == "ok"


@pytest.mark.parametrize(
    ("log", "state", "why"),
    [
        ({"percentage_used": 89}, "ok", ""),
        ({"percentage_used": 90}, "worn", "90 % of its life is used"),
        ({"percentage_used": 255}, "worn", "255 % of its life is used"),
        ({"available_spare": 10}, "worn", "10 % spare blocks left"),
        ({"available_spare": 5, "critical_warning": 1}, "failing", "spare blocks below the threshold"),
        ({"critical_warning": 8}, "failing", "media is read-only"),
        (
            {"critical_warning": 4, "percentage_used": 97},
            "failing",
            "reliability is degraded; 97 % of its life is used",
        ),
        ({"media_errors": 3}, "ok", ""),
    ],
)
def test_signs_of_an_nvme_drive(log: dict[str, int], state: str, why: str) -> None:
    health = judge("/dev/nvme0", nvme(**log))
    assert (health.state, health.why) == (state, why)


def test_media_errors_are_failing_while_they_grow() -> None:
    first = judge("/dev/nvme0", nvme(media_errors=3))
    second = judge("/dev/nvme0", nvme(media_errors=5), first)
    assert (second.state, second.why) == ("failing", "5 media errors, 2 of them new")
    assert judge("/dev/nvme0", nvme(media_errors=5), second).state == "ok"


def test_a_sas_drive_has_grown_defects_and_endurance() -> None:
    told = document(
        0, device={"name": "/dev/sdk", "type": "scsi", "protocol": "SCSI"}, smart_status={"passed": True},
        scsi_grown_defect_list=12, scsi_percentage_used_endurance_indicator=93,
    )  # fmt: skip
    health = judge("/dev/sdk", told)
    assert (health.state, health.why) == ("worn", "93 % of its life is used; 12 grown defects")


@pytest.mark.parametrize(
    "told",
    [
        document(2, "Device is in STANDBY mode, exit(2)", device=ATA),
        document(2, "Device is in SLEEP mode, exit(2)", device=ATA),
        document(2, device=ATA, local_time={"time_t": 1}),  # before 7.2 the sentence is left out
    ],
)
def test_a_sleeping_disk_is_not_woken_up_and_not_ill(told: dict[str, Any]) -> None:
    assert judge("/dev/sda", told).state == "standby"


@pytest.mark.parametrize("said", ["Permission denied", "Operation not permitted", "No such device"])
def test_a_drive_that_cannot_be_opened_is_unreadable_and_says_why(said: str) -> None:
    health = judge("/dev/sda", document(2, f"Smartctl open device: /dev/sda failed: {said}"))
    assert health == DriveHealth("/dev/sda", "unreadable", f"Smartctl open device: /dev/sda failed: {said}")


@pytest.mark.parametrize(
    "told",
    [
        document(1, "/dev/vda: Unable to detect device type"),
        document(0, device={"name": "/dev/sda", "type": "scsi", "protocol": "SCSI"}, model_name="VMware Virtual disk"),
        document(
            4, device={"name": "/dev/sda", "type": "scsi", "protocol": "SCSI"}, smart_support={"available": False}
        ),
        document(4, device={"name": "/dev/sdb", "type": "scsi", "protocol": "SCSI"}, model_name="LSI Logical Volume"),
        ata(model="QEMU HARDDISK"),
        ata(model="VBOX HARDDISK"),
        nvme(model="Amazon Elastic Block Store"),
        document(0),
    ],
)
def test_a_virtual_disk_is_unsupported_and_never_ok(told: dict[str, Any]) -> None:
    assert judge("/dev/sda", told).state == "unsupported"


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"smartctl": None},
        {"smartctl": {"messages": [None, {"string": 7}], "exit_status": "2"}},
        document(0, ata_smart_attributes={"table": [None, {"id": 5}, {"id": 197, "raw": "7"}]}),
        document(0, nvme_smart_health_information_log=[1], smart_status=[]),
    ],
)
def test_a_document_of_another_form_never_raises_and_is_never_failing(told: dict[str, Any]) -> None:
    assert judge("/dev/sda", told).state in ("unsupported", "unreadable", "ok")


def program(folder: Path, body: str) -> str:
    """An executable `smartctl` that a search path can find."""
    folder.mkdir(exist_ok=True)
    file = folder / "smartctl"
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return str(folder)


@pytest.fixture
def blocks(tmp_path: Path) -> str:
    for name in ("sda", "nvme0n1", "vda", "loop0", "zram0", "dm-0"):
        (tmp_path / "sys/block" / name).mkdir(parents=True)
    return str(tmp_path / "sys")


def test_every_drive_is_asked_without_waking_it_up(tmp_path: Path, blocks: str) -> None:
    scan = document(0, devices=[ATA | {"type": "scsi"}, NVME])
    for name, told in (("scan", scan), ("sda", ata(8, passed=False)), ("nvme0", nvme())):
        (tmp_path / name).write_text(json.dumps(told))
    (tmp_path / "vda").write_text(json.dumps(document(1, "/dev/vda: Unable to detect device type")))
    path = program(
        tmp_path / "bin",
        f'echo "$*" >> {tmp_path}/asked\n'
        f"for last; do :; done\n"
        f'case "$last" in --scan) cat {tmp_path}/scan;; *) cat {tmp_path}/$(basename "$last"); '
        f'case "$last" in *sda) exit 8;; *vda) exit 1;; esac;; esac',
    )
    health = smart.read(search_path=f"{path}:{os.environ['PATH']}", sys=blocks)
    assert {drive.device: drive.state for drive in health} == {
        "/dev/sda": "failing", "/dev/nvme0": "ok", "/dev/vda": "unsupported",
    }  # fmt: skip
    assert health.reason == ""
    assert (tmp_path / "asked").read_text().splitlines() == [
        "--json --scan",
        "--json -n standby -a /dev/sda",
        "--json -n standby -a -d nvme /dev/nvme0",
        "--json -n standby -a /dev/vda",
    ]


def test_drives_behind_one_controller_are_told_apart(tmp_path: Path) -> None:
    bus = [{"name": "/dev/bus/0", "type": f"megaraid,{number}", "protocol": "SCSI"} for number in (0, 1)]
    (tmp_path / "scan").write_text(json.dumps(document(0, devices=bus)))
    (tmp_path / "drive").write_text(json.dumps(nvme(percentage_used=95)))
    path = program(tmp_path / "bin", f'case "$2" in --scan) cat {tmp_path}/scan;; *) cat {tmp_path}/drive;; esac')
    before = [DriveHealth("/dev/bus/0 megaraid,1", "ok", figures={"media_errors": 0})]
    health = smart.read(before, search_path=f"{path}:{os.environ['PATH']}", sys=str(tmp_path / "none"))
    assert [drive.device for drive in health] == ["/dev/bus/0 megaraid,0", "/dev/bus/0 megaraid,1"]


def test_without_smartctl_there_is_a_reason(tmp_path: Path) -> None:
    health = smart.read(search_path=str(tmp_path))
    assert health == []
    assert "not installed" in health.reason


def test_without_drives_there_is_a_reason(tmp_path: Path) -> None:
    path = program(tmp_path / "bin", "echo '{}'")
    health = smart.read(search_path=path, sys=str(tmp_path / "none"))
    assert health == []
    assert "no drives" in health.reason


def test_a_smartctl_too_old_for_json_is_unreadable(tmp_path: Path, blocks: str) -> None:
    path = program(tmp_path / "bin", "echo 'smartctl 6.6: unrecognized option --json'; exit 1")
    health = smart.read(search_path=path, sys=blocks)
    assert {drive.state for drive in health} == {"unreadable"}
    assert "7.0" in health[0].why


def test_a_smartctl_that_hangs_is_ended_and_said(tmp_path: Path, blocks: str) -> None:
    # `exec`, so that the program that is ended is the one that hangs.
    path = program(
        tmp_path / "bin", 'case "$2" in --scan) echo "{}";; *) echo $$ >> ' + f"{tmp_path}/pids; exec sleep 600;; esac"
    )
    pids = tmp_path / "pids"
    for limit_s in (0.3, 1.0, 3.0, 10.0):  # on a busy host even a shell takes its time to begin
        health = smart.read(search_path=f"{path}:{os.environ['PATH']}", sys=blocks, timeout_s=limit_s)
        assert [drive.state for drive in health] == ["unreadable"] * 3
        assert health[0].why == f"smartctl did not answer within {limit_s:g} s"
        if pids.exists() and len(pids.read_text().split()) >= 3:
            break
    for pid in pids.read_text().split():
        assert not Path(f"/proc/{pid}").exists()
