"""What every screen can do on a key: picture, copy, jump; reading the configuration again; and failing decently."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import SuspendNotSupported

from opsconsole.errors import OpsError
from opsconsole.paths import config_file, state_root
from opsconsole.settings import Settings, load_settings
from opsconsole.tui import reloading, terminal
from opsconsole.tui.appearance import DressedApp
from opsconsole.tui.keymap import FILE_NAME
from opsconsole.tui.wording import count_of, shortened

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.tui.heart import Heart
    from opsconsole.tui.journal import Journal
    from opsconsole.tui.modes import Modes
    from opsconsole.tui.recorded import Recorded

_WATCH_S = 2.0
_LATELY = 20


class Everywhere(DressedApp):
    """The half of the app that does not depend on what is shown. The other half says what that is."""

    settings: Settings
    journal: Journal
    modes: Modes
    heart: Heart
    recorded: Recorded | None
    clock: Callable[[], int]
    tell: Callable[..., None]
    report: Callable[[OpsError], None]
    reload_keymap: Callable[[], tuple[str, ...]]
    _files: reloading.Signature = ()
    _folder_apart: Path | None = None

    @property
    def engine(self) -> Engine | None:
        """None until it has started."""
        raise NotImplementedError

    @property
    def state_folder(self) -> Path:
        """Where this console keeps what it is asked to keep."""
        if self.engine is None:
            return state_root()
        return self.engine.paths.root if self.engine.unwritable is None else self._apart(self.engine.paths.root)

    def _apart(self, unwritable: Path) -> Path:
        """Among the temporary files; the folder itself where there is no room either: whoever saves then says why."""
        if self._folder_apart is None:
            import tempfile

            try:
                self._folder_apart = Path(tempfile.mkdtemp(prefix="opsconsole-"))
            except OSError:
                return unwritable
        return self._folder_apart

    # -- pictures and copies

    @property
    def picture_folder(self) -> Path:
        """Where pictures stay: a demo leaves nothing else behind, and is there to be pictured."""
        from opsconsole.tui.picture import FOLDER

        return self.state_folder / FOLDER if self.recorded is None else self.recorded.pictures

    def action_export_picture(self) -> None:
        """What is seen, before anything is said about it."""
        from opsconsole.tui import picture

        with picture.without_notices(self):
            svg, text = picture.svg_of(self, f"opsconsole: {self.modes.current}"), picture.text_of(self)
        folder, name, now = self.picture_folder, self.modes.current, self.clock()

        async def save() -> None:
            try:
                drawn, written = await asyncio.to_thread(picture.save, svg, text, folder, name, now)
            except OSError as error:
                self.tell(f"The picture could not be written to {shortened(folder)}: {error.strerror}", "error")
                return
            self.tell(f"Picture: {shortened(drawn)}\nText: {shortened(written)}")

        self.run_worker(save(), group="picture")

    def action_copy(self) -> None:
        """By OSC 52, which also reaches the operator's own clipboard over SSH, where the terminal allows it."""
        from opsconsole.tui.copying import MOST, line_text

        text = line_text(self.screen)
        if not text:
            self.tell("There is nothing here to copy.")
            return
        cut = text[:MOST]
        self.copy_to_clipboard(cut)
        said = count_of(len(cut), "character") + (f" of {len(text):,}" if len(cut) < len(text) else "")
        self.tell(f"Sent {said} to the terminal's clipboard.\nIf it did not arrive: Y prints it to select from.")

    def action_print_text(self) -> None:
        """The pane's text on the bare terminal, whose own selection then works."""
        from opsconsole.tui.aside import print_plain
        from opsconsole.tui.copying import pane_text

        async def show() -> None:
            try:
                await print_plain(self, pane_text(self.screen))
            except SuspendNotSupported:
                self.tell("This terminal cannot be lent out: x writes the screen to a file.", "warning")

        self.run_worker(show(), group="aside", exclusive=True)

    def action_suspend_process(self) -> None:
        """Textual's, where there is a shell that brings it back: else it would be gone for good."""
        if terminal.has_job_control():
            super().action_suspend_process()
        else:
            self.tell("No shell has started this console as a job that it could bring back: it stays.", "warning")

    def action_jump(self) -> None:
        from opsconsole.tui.screens.jump import JumpScreen, targets_of

        if not self.screen.is_modal and targets_of(self.screen):
            self.push_screen(JumpScreen(self.screen))

    # -- configuration

    @property
    def configuration(self) -> tuple[Path, ...]:
        """The files and folders it is read from."""
        file = config_file()
        return file, file.parent / FILE_NAME, file.parent / "themes"

    def watch_configuration(self) -> None:
        """From now on a change of these files is taken up by itself."""
        self._files = reloading.signature(self.configuration)
        self.heart.every(_WATCH_S, self._look_at_configuration)

    def _look_at_configuration(self) -> None:
        now = reloading.signature(self.configuration)
        if now != self._files:
            self._files = now
            self.read_configuration(asked=False)

    def action_reload(self) -> None:
        self.forget_frame()
        self.screen.refresh()
        self._files = reloading.signature(self.configuration)
        self.read_configuration(asked=True)

    def read_configuration(self, *, asked: bool) -> None:
        """Take the files as they are now; what cannot be read leaves everything as it is, and is said."""
        before = self.settings
        try:
            after = load_settings()
        except OpsError as error:
            self.report(error)
            return
        problems = [*self.reload_themes().failures, *self.reload_keymap()]
        for problem in problems:
            self.tell(problem, "warning")
        self.modes.on_top.show_keys()
        if not (changed := reloading.differ(before, after)):
            if asked and not problems:
                self.tell("Read again: settings, keys and themes are as the files say.")
            return
        waiting = self.put_in_force(after)
        tail = f" In force from the next start on: {', '.join(waiting)}." if waiting else ""
        if changed:
            self.tell(f"The configuration was read again.{tail}", "warning" if waiting else "information")

    def put_in_force(self, after: Settings) -> list[str]:
        """Take these settings up, as far as a console that runs can; names of what waits for the next start."""
        before, self.settings = self.settings, after
        self._files = reloading.signature(self.configuration)
        self._dress(before, after)
        self._reload_monitor(before, after)
        for screen in self.modes:
            screen.take_up(after)
        return reloading.later(before, after)

    def _dress(self, before: Settings, after: Settings) -> None:
        if after.console.graphs != before.console.graphs:
            self.use_graphs(after.console.graphs)
        wanted = after.console.theme
        if wanted != before.console.theme and wanted in self.available_themes:
            self.theme = wanted

    def _reload_monitor(self, before: Settings, after: Settings) -> None:
        if self.engine is None or (before.monitor, before.alerts) == (after.monitor, after.alerts):
            return
        try:
            self.engine.monitoring.reload()
        except OpsError as error:
            self.report(error)

    # -- failing

    def _fatal_error(self) -> None:
        """In place of Textual's page of variables: a report on the disk, a sentence on the terminal."""
        from opsconsole.tui import crash

        error = self._exception or RuntimeError("nothing is known of it")
        lately = [f"{entry.severity}: {entry.text}" for entry in list(self.journal.entries)[-_LATELY:]]
        facts = [("mode", self.modes.current), ("size", f"{self.size.width}x{self.size.height}")]
        text = crash.report(error, self.settings, facts, lately)
        try:
            folder = self.state_folder / crash.FOLDER
            where = f"Report: {crash.write(text, folder) if self.recorded is None else crash.write_apart(text)}"
        except OSError as failure:
            where = f"No report could be written ({failure.strerror}); it follows.\n{text}"
        said = f"opsconsole: the console failed ({type(error).__name__}). What runs goes on; start it again.\n{where}"
        self._exit_renderables.append(Text(said))
        self._close_messages_no_wait()
