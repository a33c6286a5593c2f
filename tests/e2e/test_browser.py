"""A person signs in with a browser, reads what MLflow has, and signs out."""

import subprocess
import sys
from collections.abc import Generator
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from infra.settings.identity import IdentityKind
from infra.settings.stack import Settings
from tests.fixtures.browser import opened
from workloads.contract import LOGIN_USER, Host
from workloads.endpoints import Endpoints

_SECONDS = 30


@pytest.fixture
def browser(settings: Settings) -> Generator[Chrome]:
    """A browser without cookies; it takes a certificate that the stack has made itself."""
    if settings.identity.kind is not IdentityKind.LOCAL:
        pytest.skip("plinth:identity: the stack has no user of its own, who signs in with a password")
    with opened("--ignore-certificate-errors") as found:
        yield found


@pytest.fixture
def password(stack: str) -> str:
    """The password, as the command prints it."""
    command = [sys.executable, "-m", "infra", "password", "--stack", stack]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.strip()


def _text(browser: Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "body").text


def _sign_in(browser: Chrome, password: str) -> None:
    browser.find_element(By.NAME, "username").send_keys(LOGIN_USER)
    browser.find_element(By.NAME, "password").send_keys(password)
    browser.find_element(By.CSS_SELECTOR, "form button").click()


def test_a_person_signs_in_reads_experiments_and_signs_out(
    browser: Chrome, endpoints: Endpoints, password: str
) -> None:
    login = Host.LOGIN.below(endpoints.gateway_domain)
    tracking = f"{endpoints.url_by_name(endpoints.tracking_host)}/#/experiments"
    within = WebDriverWait(browser, _SECONDS)
    browser.get(tracking)
    within.until(lambda _: urlsplit(browser.current_url).hostname == login)
    _sign_in(browser, "not the password")
    within.until(lambda _: "User or password is wrong." in _text(browser))
    assert urlsplit(browser.current_url).hostname == login
    _sign_in(browser, password)
    within.until(lambda _: urlsplit(browser.current_url).hostname == urlsplit(tracking).hostname)
    # The page is a program that asks MLflow's API, with the session alone.
    browser.get(tracking)
    within.until(lambda _: "wine" in _text(browser))
    browser.get(f"{endpoints.url_by_name(login)}/oauth2/sign_out")
    browser.get(tracking)
    within.until(lambda _: urlsplit(browser.current_url).hostname == login)
