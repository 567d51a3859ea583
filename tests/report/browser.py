"""Chromium without a window or a network: what a page does there."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")


def browsed(page: Path, script: str, *, width: int = 1000, dark: bool = False):
    """Return what a script on a page comes to, and what the browser's console says.

    ``script`` is the body of an asynchronous function, which is called when the page is loaded.
    """
    whole = (
        "<script>addEventListener('load', async () => {"
        f"const answer = await (async () => {{ {script} }})();"
        "const place = document.createElement('pre'); place.id = 'answer';"
        "place.textContent = JSON.stringify(answer); document.body.append(place);"
        "});</script></body>"
    )
    asked = page.with_suffix(".asked.html")
    text = page.read_text(encoding="utf-8")
    asked.write_text(text.replace("</body>", whole), encoding="utf-8")
    scheme = ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"] if dark else []
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
            "--enable-unsafe-swiftshader",
            "--enable-unsafe-swiftshader",
            *("--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr"),
            *("--virtual-time-budget=15000", f"--window-size={width},900", *scheme),
            asked.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    answers = re.findall(r'<pre id="answer">(.*?)</pre>', done.stdout, flags=re.DOTALL)
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    # without a graphics card the driver says so
    console = [line for line in said if "GL Driver Message" not in line]
    return json.loads(unescape(answers[-1])), console
