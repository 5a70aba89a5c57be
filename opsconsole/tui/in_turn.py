"""Keys take effect one after the other, however fast they come: each goes where the one before it has put the focus."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Iterable
from itertools import takewhile
from typing import Any, Protocol, cast, runtime_checkable

from textual import events
from textual._time import get_time
from textual.app import ScreenStackError
from textual.dom import DOMNode
from textual.message_pump import MessagePump
from textual.screen import Screen

from opsconsole.tui.screens.modal import Modal
from opsconsole.tui.widgets.cursor_list import CursorList
from opsconsole.tui.widgets.tones import TonedApp

_PATIENCE_S = 3.0
"""So long a key at most is waited for; what it does takes longer only where somebody is asked, or something stands."""

_TO_SEE_S = 1.0
"""So long it takes somebody to see that a dialog has gone, and not to press the key that was meant for it."""

_ROUNDS = 20
"""So often all that have something to do are let do it: for what never comes to rest no key waits."""
Typed = events.Key | events.Paste


@runtime_checkable
class LooksThingsUp(Protocol):
    """A screen whose keys mean what has been found for the text in it."""

    async def found(self) -> None:
        """Return when all is found that there is for the text as it is."""


class KeysInTurn(TonedApp):
    """Textual hands every key of one read to the widget that has the focus when it is read; what `/web`, enter and `j`
    are in one packet, all of it goes into the filter. Here a key waits until the one before it has had its effect, and
    until the screen that it opened is there; of one that was held down and only moves in a list, all that have come are
    one. A dialog that `ignores` what was typed before it was seen is not answered
    by it, and what is typed for one that has just gone by itself goes to nobody. Letters into a text wait for nothing.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._held_keys: deque[Typed] = deque()
        self._key_turn: asyncio.Task[None] | None = None
        self._key_typed = False
        self._passed_over_until = 0.0
        self._unseen: Screen[Any] | None = None
        self.touched_at = 0.0
        """When somebody last typed or used the mouse, on the clock of events; 0: nobody has."""

    @property
    def passes_over_keys(self) -> bool:
        """What is typed now goes to nobody."""
        return get_time() < self._passed_over_until

    def pass_over_keys(self) -> None:
        """The dialog that is shown closes by itself: keys are for it until a frame without it has been seen."""
        self._unseen, self._passed_over_until = self.screen, math.inf

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.InputEvent | events.Paste):
            self.touched_at = event.time
        if not isinstance(event, Typed) or event.is_forwarded or not self._screen_stack:
            await super().on_event(event)
        elif self._is_leaving():
            return
        elif self._key_turn is not None or not self._ready_for(event):
            self._held_keys.append(event)
            self._begin_turn(self.screen)
        else:
            await self._take_key(event)

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if isinstance(screen, Modal):
            screen.drawn()
        super()._display(screen, renderable)
        if self._unseen is not None and screen is not self._unseen and screen is self.screen:
            self._unseen, self._passed_over_until = None, get_time() + _TO_SEE_S

    def _ready_for(self, event: Typed) -> bool:
        screen = self.screen
        looking = self._key_typed and isinstance(screen, LooksThingsUp) and not self._is_text(event)
        return screen.is_mounted and not looking

    def _is_text(self, event: Typed) -> bool:
        """It only adds to the text that has the focus."""
        focused = self.focused
        if focused is None or not focused.check_consume_key("x", "x"):
            return False
        return isinstance(event, events.Paste) or (event.is_printable and "+" not in event.key)

    async def _take_key(self, event: Typed) -> None:
        screen = self.screen
        if event.time < self._passed_over_until or (isinstance(screen, Modal) and screen.ignores(event)):
            return
        text, to = self._is_text(event), self.focused or screen
        await super().on_event(event)
        if text:
            self._key_typed = True
        else:
            self._begin_turn(to)

    def _begin_turn(self, of: DOMNode) -> None:
        if self._key_turn is None:
            self._key_turn = asyncio.create_task(self._let_it_act(of))

    async def _let_it_act(self, of: DOMNode) -> None:
        """Until nobody has anything left to do that came of the key; then the next one is taken, whatever happened."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await _let_work(of.ancestors_with_self)
                for _ in range(_ROUNDS):
                    if self._is_leaving() or not (await self._come_to_rest() or await self._see_found()):
                        break
        except (TimeoutError, ScreenStackError):
            pass
        except Exception as error:  # noqa: BLE001 - as Textual's own tasks do: the app ends, and says why
            self._handle_exception(error)
        finally:
            self._key_typed = False  # what was not found in time is not waited for again
            self.call_later(self._take_next)

    async def _come_to_rest(self) -> bool:
        """Whether there was anything to wait for."""
        await asyncio.sleep(0)  # whatever comes of it: others have their turn, and so has the end of patience
        await cast(Any, self.screen)._mounted_event.wait()
        return await _let_work([one for one in (*self.screen.walk_children(with_self=True), self) if _is_busy(one)])

    async def _see_found(self) -> bool:
        screen, typed = self.screen, self._key_typed
        self._key_typed = False
        if not typed or not isinstance(screen, LooksThingsUp):
            return False
        await screen.found()
        return True

    def _is_leaving(self) -> bool:
        return bool(self._exit)

    async def _take_next(self) -> None:
        """Letters one after the other, until one has its turn. Who leaves does nothing more."""
        self._key_turn = None
        if self._is_leaving():
            self._held_keys.clear()
        while self._held_keys and self._screen_stack and not self._is_in_turn():
            if not self._ready_for(self._held_keys[0]):
                self._begin_turn(self.screen)
            elif not self._run_through():
                await self._take_key(self._held_keys.popleft())

    def _run_through(self) -> bool:
        """Take the same key as often as it waits, if that makes no difference but the time it takes."""
        focused, first = self.focused, self._held_keys[0]
        if not isinstance(focused, CursorList) or not isinstance(first, events.Key) or self.screen.is_modal:
            return False
        if first.time < self._passed_over_until:
            return False
        same = takewhile(lambda one: isinstance(one, events.Key) and one.key == first.key, self._held_keys)
        if (times := sum(1 for _ in same)) < 2:
            return False
        meant = self.screen.active_bindings.get(first.key)
        if meant is None or meant.node is not focused or not meant.enabled:
            return False
        if not focused.run_through(meant.binding.action, times):
            return False
        for _ in range(times):
            self._held_keys.popleft()
        self._begin_turn(focused)
        return True

    def _is_in_turn(self) -> bool:
        return self._key_turn is not None


def _is_busy(node: MessagePump) -> bool:
    """What has ended, or is ending, keeps what it had to do, and will not do it."""
    return node.is_running and not node._closing and bool(node.message_queue_size or node._next_callbacks)


async def _let_work(nodes: Iterable[MessagePump]) -> bool:
    """Until each has done what it had to do when its turn came, or is gone; whether any has."""
    worked = False
    for node in nodes:
        done = asyncio.get_running_loop().create_future()
        if node.call_later(_say_done, done):
            await asyncio.wait([done, *([node._task] if node._task else [])], return_when=asyncio.FIRST_COMPLETED)
            worked |= done.done()
    return worked


def _say_done(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
