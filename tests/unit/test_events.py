"""The bus: every listener hears every event, in order, whatever another listener does."""

from __future__ import annotations

import logging

import pytest

from opsconsole.events import Event, EventBus, Notice


def notice(text: str) -> Notice:
    return Notice("info", text)


def test_every_listener_hears_every_event_in_order() -> None:
    bus, first, second = EventBus(), [], []
    bus.subscribe(first.append)
    bus.subscribe(second.append)
    bus.publish(notice("a"))
    bus.publish(notice("b"))
    assert first == second == [notice("a"), notice("b")]


def test_a_listener_that_raises_is_logged_and_the_others_still_hear(caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: Event) -> None:
        raise ZeroDivisionError("mine")

    bus, heard = EventBus(), []
    bus.subscribe(broken)
    bus.subscribe(heard.append)
    with caplog.at_level(logging.ERROR, "opsconsole.events"):
        bus.publish(notice("a"))
        bus.publish(notice("b"))
    assert heard == [notice("a"), notice("b")]
    assert [record.message for record in caplog.records] == ["a listener failed on Notice"] * 2
    assert "ZeroDivisionError: mine" in caplog.text


def test_who_unsubscribes_hears_no_more_and_may_do_so_twice() -> None:
    bus, heard = EventBus(), []
    stop = bus.subscribe(heard.append)
    stop()
    stop()
    bus.publish(notice("a"))
    assert heard == []


def test_a_listener_may_unsubscribe_while_it_hears() -> None:
    bus, heard = EventBus(), []

    def once(event: Event) -> None:
        stop()

    stop = bus.subscribe(once)
    bus.subscribe(heard.append)
    bus.publish(notice("a"))
    assert heard == [notice("a")]


def test_whether_anybody_listens_is_known() -> None:
    bus = EventBus()
    assert not bus.heard
    stop = bus.subscribe(lambda event: None)
    assert bus.heard
    stop()
    assert not bus.heard
