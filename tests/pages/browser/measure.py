"""Print size and load time of report pages: `python tests/pages/browser/measure.py [CLASSES ...]`.

The load time is from the start of the navigation to the first frame after all charts are drawn, the
median of five loads in a headless Chromium.
"""

import pathlib
import statistics
import sys
import tempfile
import time

sys.path += [str(pathlib.Path(__file__).parents[2] / "support")]

import browsers
import example_runs

from dist_f1.jobs.run_page import render_html

LOADS = 5
# Two frames: the first one draws the charts, the second one starts when they are drawn.
_DRAWN = """
const done = arguments[arguments.length - 1];
requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())));
"""


def measure(driver, folder, classes):
    """Return bytes, seconds to render the page, and milliseconds to load it."""
    run = example_runs.write_run(folder / str(classes), classes)
    start = time.perf_counter()
    page = render_html([run])
    rendered = time.perf_counter() - start
    path = folder / f"{classes}.html"
    path.write_text(page, encoding="utf-8")
    loads = []
    for _ in range(LOADS):
        driver.get(path.as_uri())
        loads.append(driver.execute_async_script(_DRAWN))
    return path.stat().st_size, rendered, statistics.median(loads)


def main(numbers):
    """Print a table with a row for each number of classes."""
    print("| classes | bytes | render, s | load in Chromium, ms |")
    print("|--------:|------:|----------:|---------------------:|")
    with tempfile.TemporaryDirectory() as folder, browsers.chromium() as driver:
        for classes in numbers:
            size, rendered, load = measure(driver, pathlib.Path(folder), classes)
            print(f"| {classes:,} | {size:,} | {rendered:.2f} | {load:.0f} |", flush=True)


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [10, 100, 1000])
