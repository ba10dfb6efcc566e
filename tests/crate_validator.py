"""rocrate-validator without a network: `PYTHON tests/crate_validator.py validate ...`; that Python has roc-validator.

RO-Crate's context is fetched from a file beside this; whatever else is asked of the network is not there.
"""

import sys
from pathlib import Path
from typing import Any

import requests
from requests.adapters import BaseAdapter

_URL = "https://w3id.org/ro/crate/1.1/context"
_CONTEXT = Path(__file__).with_name("ro_crate_context.json")


class _NoNetwork(BaseAdapter):
    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        response = requests.Response()
        response.request, response.url = request, request.url or ""
        response.status_code = 200 if request.url == _URL else 404
        response.headers["Content-Type"] = "application/ld+json"
        response._content = _CONTEXT.read_bytes() if request.url == _URL else b""
        return response

    def close(self) -> None:
        """Nothing is open."""


def _adapter(*_: Any, **__: Any) -> BaseAdapter:
    return _NoNetwork()


if __name__ == "__main__":
    requests.Session.get_adapter = _adapter  # type: ignore[method-assign]
    from rocrate_validator.cli import cli

    sys.exit(cli())
