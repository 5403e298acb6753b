"""A real screen reader for tests: Orca on a display, a sound server and a bus without anybody at them.

Its debug file has each utterance and each braille line with its time.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from playwright.async_api import Page

from tests.system.desk.chromium import write_tone
from tests.until import LIMIT_S, until, until_async

PACKAGES = {"orca": "orca", "Xvfb": "xvfb", "openbox": "openbox", "pulseaudio": "pulseaudio", "xdotool": "xdotool",
            "speech-dispatcher": "speech-dispatcher", "dbus-daemon": "dbus", "/usr/bin/chromium": "chromium",
            "/usr/libexec/at-spi-bus-launcher": "at-spi2-core",
            "/usr/lib/speech-dispatcher-modules/sd_espeak-ng": "speech-dispatcher-espeak-ng"}
"""Programs of the test with the Debian package of each."""
START_S = 60.0
UNBUFFERED = "from orca import debug\ndebug.debugFile.reconfigure(line_buffering=True)\n"
"""Customisation of Orca that writes each line of its file at once, so that a test can wait for an utterance."""
ALONE = "#!/bin/sh\nexit 1\n"
"""Takes the place of `pgrep`. Orca refuses to start next to another one, even on a separate display and bus."""
REPEAT_S, READ_S = 10.0, 120.0
"""Time after which a key was lost, and time in which keys are pressed again from the first one."""
SPOKEN = re.compile(r"^(\d+):(\d+):(\d+\.\d+) - SPEECH OUTPUT: '(.*?)' \{", re.MULTILINE)
BRAILLE = re.compile(r"^(\d+):(\d+):(\d+\.\d+) - BRAILLE LINE:\s+'(.*)'", re.MULTILINE)
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--no-first-run",
         "--disable-dev-shm-usage", "--remote-debugging-port=0", "--force-renderer-accessibility",
         "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--lang=tr")


class Heard(NamedTuple):
    """One utterance or braille line."""

    at: float
    """Seconds since midnight, by the clock of this machine."""
    text: str


class ScreenReader:
    """A desktop with Orca and Chromium. `stop` ends all of it; then `spoken` and `brailled` have what came."""

    def __init__(self, folder: Path) -> None:
        missing = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
        if missing:
            raise AssertionError(f"the screen reader was not tested: apt-get install {' '.join(missing)}")
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.debug = folder / "orca.log"
        runtime = folder / "run"
        runtime.mkdir(parents=True, mode=0o700)
        for name, text in {"bin/pgrep": ALONE, ".local/share/orca/orca-customizations.py": UNBUFFERED}.items():
            (folder / name).parent.mkdir(parents=True)
            (folder / name).write_text(text, encoding="ascii")
        (folder / "bin/pgrep").chmod(0o755)
        self.env = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "HOME": str(folder),
                    "XDG_RUNTIME_DIR": str(runtime), "LANG": "C.UTF-8", "LANGUAGE": "tr_TR",
                    "NO_AT_BRIDGE": "0", "GTK_MODULES": "gail:atk-bridge",
                    "ACCESSIBILITY_ENABLED": "1", "XDG_SESSION_TYPE": "x11"}

    def start_desktop(self) -> None:
        """Start bus, display, sound, window manager, accessibility bus and Orca."""
        # 1. The bus names its own address. Xvfb chooses a free display.
        bus = self._start("dbus-daemon", "--session", "--nofork", f"--address=unix:path={self.folder}/bus")
        self.env["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={self.folder}/bus"
        until(lambda: (self.folder / "bus").exists() or bus.poll() is not None, START_S, "the bus")
        reader, writer = os.pipe()
        self._start("Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x900x24", "-nolisten", "tcp",
                    pass_fds=(writer,))
        os.close(writer)
        with os.fdopen(reader) as pipe:
            self.env["DISPLAY"] = f":{pipe.readline().strip()}"
        # 2. Without a sink that works, speech-dispatcher dies and Orca stays silent.
        self._start("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--load=module-null-sink",
                    "--load=module-native-protocol-unix")
        until(lambda: (self.folder / "run/pulse/native").exists(), START_S, "the sound server")
        self._start("openbox")
        self._start("/usr/libexec/at-spi-bus-launcher", "--launch-immediately")
        self._start("orca", "--debug", f"--debug-file={self.debug}")
        # A program that starts before Orca listens is not presented. Orca says that it is there.
        until(lambda: self.debug.exists() and self.spoken(), START_S, "Orca")

    def start_browser(self, *flags: str) -> str:
        """Start Chromium on the display, with more flags, and return the address for Playwright."""
        profile = self.folder / "profile"
        (profile / "Default").mkdir(parents=True)
        # The bubble that offers a translation would take the place of announcements.
        (profile / "Default/Preferences").write_text('{"translate":{"enabled":false}}', encoding="ascii")
        write_tone(self.folder / "microphone.wav", 697)
        self._start("/usr/bin/chromium", *FLAGS, *flags, f"--user-data-dir={profile}", "--window-size=1200,850",
                    f"--use-file-for-fake-audio-capture={self.folder / 'microphone.wav'}", "about:blank")
        port = profile / "DevToolsActivePort"
        until(lambda: port.exists() and len(port.read_text(encoding="ascii").splitlines()) > 1, START_S, "Chromium")
        return f"http://127.0.0.1:{port.read_text(encoding='ascii').splitlines()[0]}"

    def _start(self, *command: str, pass_fds: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
        with (self.folder / f"{Path(command[0]).name}.log").open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env,
                                       cwd=self.folder, start_new_session=True, pass_fds=pass_fds)
        self.processes.append(process)
        return process

    def press_key(self, key: str) -> None:
        """Press a key as a keyboard does, such as `F2`."""
        subprocess.run(["xdotool", "key", key], env=self.env, check=True, timeout=30)

    def press_mouse(self, x: int, y: int) -> None:
        """Press the mouse at a place of the screen, so that the window there has the focus of the keyboard."""
        subprocess.run(["xdotool", "mousemove", str(x), str(y), "click", "1"], env=self.env, check=True, timeout=30)

    async def take_keyboard(self, page: Page, x: int, y: int) -> None:
        """Bring the page to the front and press the mouse at a place of it without a control.

        Announcements of a page are spoken only while the keyboard is in it, not in the address bar.
        """
        await page.bring_to_front()
        self.press_mouse(x, y)
        await until_async(lambda: page.evaluate("() => document.hasFocus()"), what="the page has the keyboard")

    async def wait_spoken(self, text: str, after: int = 0, limit: float = LIMIT_S) -> int:
        """Wait until the text is spoken, in the file beyond `after`. Return the place of the file behind it."""
        def find() -> int:
            with self.debug.open("rb") as file:
                file.seek(after)
                found = file.read()
            spoken = (one for one in SPOKEN.finditer(found.decode(errors="replace")) if text in one[4])
            first = next(spoken, None)
            return 0 if first is None else after + len(first.string[:first.end()].encode())

        return await until_async(find, limit, f"{text!r} is spoken")

    async def read_in_order(self, *keys: tuple[str, str]) -> int:
        """Press keys, each with the text that it must reach. Return the place of the file behind the last text.

        A page that is still loading takes the reader back to its top, so the keys begin again. The first key must be
        one that works from everywhere.
        """
        end = time.monotonic() + READ_S
        while True:
            place = self.debug.stat().st_size
            try:
                for key, text in keys:
                    self.press_key(key)
                    place = await self.wait_spoken(text, place, REPEAT_S)
            except AssertionError:
                if time.monotonic() >= end:
                    raise
            else:
                return place

    def stop(self) -> None:
        """End Orca so that it writes its file, then everything else."""
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    pass
            # Children such as speech-dispatcher are in the session of their starter.
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait(timeout=10)

    def spoken(self) -> list[Heard]:
        """Return the utterances in order."""
        return self._read(SPOKEN)

    def brailled(self) -> list[Heard]:
        """Return the braille lines in order."""
        return self._read(BRAILLE)

    def _read(self, pattern: re.Pattern[str]) -> list[Heard]:
        text = self.debug.read_text(encoding="utf-8", errors="replace")
        return [Heard(int(h) * 3600 + int(m) * 60 + float(s), said) for h, m, s, said in pattern.findall(text)]


def seconds_of_day(at: float) -> float:
    """Return a time as Orca writes it."""
    local = time.localtime(at)
    return local.tm_hour * 3600 + local.tm_min * 60 + local.tm_sec + at % 1
