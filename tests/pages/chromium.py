"""
Chromium for the page tests: `python -m tests.pages.chromium` sees that the machine has one.

Where we may install it (as root, with apt-get) we do; else the one command to run is printed, and
the page tests are skipped by name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL = "sudo apt-get install --yes chromium"
WHY_SKIPPED = f"no Chromium on this machine: {INSTALL}"
# It looks for updates and for other hosts at every start: a closed network refuses them.
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
)


def path() -> str | None:
    """The browser's path; None when there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def main() -> int:
    if path() is not None:
        return 0
    apt = shutil.which("apt-get")
    if apt is not None and os.geteuid() == 0:
        print("Installing Chromium for the page tests ...", flush=True)
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update", "-qq"], ["install", "-qq", "--yes", "chromium"]):
            if subprocess.run([apt, *words], env=env, stdout=subprocess.DEVNULL).returncode:
                break
        if path() is not None:
            return 0
    print(f"The page tests are skipped: {WHY_SKIPPED}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
