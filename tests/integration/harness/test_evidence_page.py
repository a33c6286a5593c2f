"""The page in a browser: complete, without errors, readable on a desktop and a phone, light and dark."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from harness.evidence import page
from harness.evidence.night import Night, interrupted
from tests.fixtures.browser import opened
from tests.fixtures.nights import GREEN, PAST, RED, RUNNING

WIDTHS = [pytest.param(1280, id="desk"), pytest.param(400, id="phone")]
NIGHTS = [
    pytest.param(GREEN, id="green"),
    pytest.param(RED, id="red"),
    pytest.param(interrupted(RUNNING, "killed"), id="killed"),
]

# Texts that extend beyond their card.
_OUTSIDE = """
return [...document.querySelectorAll('.card svg text')].filter(text => {
  const inner = text.getBoundingClientRect(), outer = text.closest('.card').getBoundingClientRect();
  return inner.width && (inner.left < outer.left - 1 || inner.right > outer.right + 1);
}).map(text => text.textContent)
"""
_CONTRAST = """
const luminance = colour => {
  const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(part => {
    const share = part / 255;
    return share <= .03928 ? share / 12.92 : ((share + .055) / 1.055) ** 2.4;
  });
  return .2126 * parts[0] + .7152 * parts[1] + .0722 * parts[2];
};
const behind = element => {
  for (let each = element; each; each = each.parentElement) {
    const colour = getComputedStyle(each).backgroundColor;
    if (!colour.endsWith(', 0)')) return colour;
  }
  return 'rgb(255, 255, 255)';
};
return [...document.querySelectorAll('p, dd, dt, h1, h2, h3, td, th, summary, svg .label')]
  .filter(each => each.getBoundingClientRect().width && !each.classList.contains('on'))
  .map(each => {
    const style = getComputedStyle(each), ink = each.namespaceURI.endsWith('svg') ? style.fill : style.color;
    const [low, high] = [luminance(ink), luminance(behind(each))].sort((one, other) => one - other);
    return [(high + .05) / (low + .05), each.textContent.trim().slice(0, 40)];
  }).filter(([ratio]) => ratio < 4.5)
"""


@pytest.fixture(scope="module")
def browser() -> Generator[Chrome]:
    with opened() as found:
        yield found


def open_page(browser: Chrome, folder: Path, night: Night, width: int, scheme: str = "light") -> list[str]:
    """Open a night's page; return the requests that the browser made for it."""
    file = folder / "index.html"
    file.write_text(page.render(night, PAST))
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    scheme_of = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme_of})
    browser.get_log("performance")
    browser.get(file.as_uri())
    messages: list[Any] = browser.get_log("performance")
    return [each["message"] for each in messages if '"Network.requestWillBeSent"' in each["message"]]


def count_visible(browser: Chrome, selector: str) -> int:
    return sum(each.is_displayed() for each in browser.find_elements(By.CSS_SELECTOR, selector))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("night", NIGHTS)
def test_the_page_requests_nothing_logs_nothing_and_fits(
    browser: Chrome, tmp_path: Path, night: Night, width: int
) -> None:
    requests = open_page(browser, tmp_path, night, width)
    assert len(requests) == 1, requests
    assert browser.get_log("browser") == []
    root = "document.documentElement"
    assert browser.execute_script(f"return {root}.scrollWidth <= {root}.clientWidth")
    assert browser.execute_script(_OUTSIDE) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_every_plot_is_drawn_once_and_large_enough_to_see(
    browser: Chrome, tmp_path: Path, width: int
) -> None:
    open_page(browser, tmp_path, GREEN, width)
    figures = browser.find_elements(By.CSS_SELECTOR, "figure")
    assert len(figures) >= 10
    for figure in figures:
        pictures = [each for each in figure.find_elements(By.CSS_SELECTOR, "svg") if each.is_displayed()]
        assert len(pictures) == 1
        assert pictures[0].size["width"] >= 280
        assert pictures[0].size["height"] >= 100
    drawn = "wide" if width > 760 else "narrow"
    assert count_visible(browser, f".{drawn} .line") >= 5
    assert count_visible(browser, f"#timeline .{drawn} .bar") == 11
    assert count_visible(browser, f"#rate-1 .{drawn} .beyond") == 1
    assert count_visible(browser, "#tiles .tile") == 8
    assert count_visible(browser, "#promises li") == 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(browser: Chrome, tmp_path: Path, scheme: str) -> None:
    open_page(browser, tmp_path, RED, 1280, scheme)
    assert browser.execute_script(_CONTRAST) == []


def test_a_failed_promise_and_its_reason_are_visible_without_a_click(browser: Chrome, tmp_path: Path) -> None:
    open_page(browser, tmp_path, RED, 400)
    assert "1 of 4 promises failed" in browser.find_element(By.ID, "reasons").text
    assert "'class_2' != 'class_1'" in browser.find_element(By.CSS_SELECTOR, "#promises li.failed pre").text


def test_the_numbers_behind_a_plot_open_on_a_click(browser: Chrome, tmp_path: Path) -> None:
    open_page(browser, tmp_path, GREEN, 400)
    table = browser.find_element(By.CSS_SELECTOR, "#rate-1 table")
    assert not table.is_displayed()
    browser.execute_script("document.querySelector('#rate-1 summary').click()")
    assert table.is_displayed()
    assert len(table.find_elements(By.CSS_SELECTOR, "tbody tr")) == 27
