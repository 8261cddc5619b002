"""A headless Chromium that shows pages from files, and what it finds wrong with them."""

import contextlib
import importlib.resources
import json
import shutil

_RUN_AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"]}).then(
  (found) => done(found.violations.map((v) => [v.id, v.nodes.map((n) => n.html).slice(0, 3)])),
  (error) => done([["error", [String(error)]]]),
);
"""


@contextlib.contextmanager
def chromium():
    """Yield a driver of Chromium without a window."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    if binary:
        options.binary_location = binary
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    try:
        driver.set_script_timeout(120)
        yield driver
    finally:
        driver.quit()


def show(driver, path, width=1280, height=900, dark=False):
    """Open a file in a window of this size, in light or in dark mode."""
    resize(driver, width, height)
    set_dark(driver, dark)
    driver.get_log("performance")
    driver.get_log("browser")
    driver.get(path.resolve().as_uri())
    settle(driver)


def settle(driver):
    """Wait until charts have drawn what has changed, which they do in a later frame."""
    driver.execute_async_script("setTimeout(arguments[0], 300)")


def resize(driver, width, height=900):
    """Set the size of the page; the window itself cannot be narrower than 500 pixels."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def set_dark(driver, dark, media=""):
    """Choose dark or light mode, and optionally the medium `"print"`."""
    feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    options = {"media": media, "features": [feature]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", options)


def requests(driver):
    """Return the URLs that the page has requested since `show`, besides its own."""
    urls = []
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            urls.append(message["params"]["request"]["url"])
    return [url for url in urls[1:] if not url.startswith("data:")]


def console_errors(driver):
    """Return the warnings and errors in the console since `show`."""
    levels = ("SEVERE", "WARNING")
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] in levels]


def violations(driver):
    """Return what axe finds: pairs of a rule and the first elements that break it."""
    package = importlib.resources.files("axe_playwright_python")
    driver.execute_script((package / "axe.min.js").read_text(encoding="utf-8"))
    return driver.execute_async_script(_RUN_AXE)
