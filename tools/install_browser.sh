#!/usr/bin/env bash
# Installs a browser on Debian or Ubuntu: it draws the PNG of each figure and opens the notebooks in the browser tests.
# Elsewhere install Chrome or Chromium by hand. Without one the tests that need it are skipped, and say so.
set -euo pipefail
for name in chromium chromium-browser google-chrome google-chrome-stable; do
  if command -v "$name" >/dev/null; then echo "browser: $(command -v "$name")"; exit 0; fi
done
if ! command -v apt-get >/dev/null; then echo "no browser and no apt-get: browser tests will be skipped"; exit 0; fi
sudo=""
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
    echo "no browser, and no right to install one: browser tests will be skipped (sudo apt-get install chromium)"; exit 0
  fi
  sudo="sudo"
fi
if ! { $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >/dev/null; then
  echo "no browser, and installing one failed: browser tests will be skipped"
fi
