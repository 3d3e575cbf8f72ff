#!/usr/bin/env python3
"""A headless browser looks at a report: no message on its console, marks in every figure, nothing wider than the page.

  report_in_browser.py DRIFT

Makes two short runs and their report. Exit status 77: no Chromium here.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PROBE = """<!doctype html><body><iframe id="page" src="report.html" style="width:%dpx;height:900px;border:0"></iframe>
<script>
const frame = document.getElementById("page");
frame.onload = () => {
  const page = frame.contentDocument, view = frame.contentWindow;
  const svg = page.querySelector("svg.plot");
  svg.dispatchEvent(new view.PointerEvent("pointermove", {clientX: 100, clientY: 50}));
  const wide = [...page.querySelectorAll("body *")].filter((element) =>
      !element.closest(".scroll") && !element.closest("pre") && !element.closest("svg") &&
      element.getBoundingClientRect().right > %d + 0.5);
  const found = document.createElement("pre");
  found.id = "found";
  found.textContent = JSON.stringify({
    scroll: page.documentElement.scrollWidth,
    wide: wide.map((element) => element.outerHTML.slice(0, 80)),
    tip: page.getElementById("tip").textContent,
    figures: [...page.querySelectorAll("figure")].map((figure) => ({
      id: figure.id,
      marks: figure.querySelectorAll("svg polyline, svg rect").length,
      text: Math.min(...[...figure.querySelectorAll("svg text")].map((text) => text.getBoundingClientRect().height)),
    })),
  });
  document.body.appendChild(found);
};
</script></body>
"""


def make_report(drift, folder):
    for name, more in {"a": ["--profile-every", "1"], "b": ["--algo", "local", "--period", "3"]}.items():
        subprocess.run([drift, "train", "-q", "--model", "cifar-resnet8", "--data", "shapes:64:32", "--workers", "2",
                        "--local-batch", "4", "--epochs", "2", "--bn-stats", "local", "--out", folder / name, *more],
                       check=True, stdout=subprocess.DEVNULL)
    subprocess.run([drift, "report", folder / "a", folder / "b", "--out", folder / "report.html"], check=True,
                   stdout=subprocess.DEVNULL)


def look(browser, folder, width):
    (folder / "probe.html").write_text(PROBE % (width, width))
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
               "--virtual-time-budget=5000", "--enable-logging=stderr", "--user-data-dir=" + str(folder / "profile"),
               "--dump-dom", (folder / "probe.html").as_uri()]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=200,
                          env={**os.environ, "HOME": str(folder)})
    messages = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert not messages, messages
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.S)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(found.group(1).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def main():
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next((path for path in map(shutil.which, names) if path), None)
    if browser is None:
        print("no Chromium here")
        return 77
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_report(sys.argv[1], folder)
        for width in (375, 1280):
            seen = look(browser, folder, width)
            assert seen["scroll"] <= width, f"{width}: the page is {seen['scroll']} wide"
            assert not seen["wide"], seen["wide"]
            assert len(seen["figures"]) >= 11, seen["figures"]
            assert {"step-time-0", "roofline-0"} <= {figure["id"] for figure in seen["figures"]}, seen["figures"]
            for figure in seen["figures"]:
                assert figure["marks"] >= 1, figure
                assert figure["text"] >= 9, figure
            assert ": " in seen["tip"], seen["tip"]
            print(f"{width} pixels: {len(seen['figures'])} figures, {seen['tip']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
