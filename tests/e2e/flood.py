"""A flood of one team: 200 requests at once, each repeated when the server says so, as MLflow's client does.

It is a process of its own: what a test measures meanwhile is the server, not the threads of the test.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from workloads import gateway_access
from workloads.endpoints import Endpoints

_FLOOD = """
import collections, concurrent.futures, json, pathlib, ssl, sys, threading, time
import httpx
# A flood comes from elsewhere: it takes no processor that the servers want.
pathlib.Path("/proc/self/autogroup").write_text("19")
url, headers, trusted = sys.argv[1], json.loads(sys.argv[2]), ssl.create_default_context(cafile=sys.argv[3])
until, codes, said = time.monotonic() + float(sys.argv[4]), collections.Counter(), threading.Lock()
def ask(_):
    with httpx.Client(headers=headers, timeout=90, verify=trusted, trust_env=False) as client:
        while time.monotonic() < until:
            answer = client.get(url)
            if answer.status_code == 429:
                if said.acquire(blocking=False):
                    print("refused", flush=True)
                time.sleep(int(answer.headers.get("Retry-After", 1)))
            codes[str(answer.status_code)] += 1
with concurrent.futures.ThreadPoolExecutor(200) as pool:
    list(pool.map(ask, range(200)))
print(json.dumps(codes))
"""


@contextmanager
def under_way(
    endpoints: Endpoints, host: str, path: str, *, seconds: float
) -> Generator[Callable[[], dict[str, int]]]:
    """Flood a host for so long; once something was refused, give a function that awaits the end.

    The function returns how often each status was the answer.
    """
    arguments = (
        f"{endpoints.gateway_url}{path}",
        json.dumps(gateway_access.headers(endpoints, host)),
        gateway_access.authorities(endpoints),
        str(seconds),
    )
    process = subprocess.Popen(
        [sys.executable, "-c", _FLOOD, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        # Processes of a session have one share of the processors.
        start_new_session=True,
    )
    assert process.stdout

    def answers() -> dict[str, int]:
        return json.loads(process.communicate(timeout=seconds + 105)[0])

    try:
        assert process.stdout.readline() == "refused\n"
        yield answers
    finally:
        process.kill()
        process.wait()
