"""The home directory: where one installation keeps everything."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

HOME_VARIABLE = "TERRAZUL_HOME"


class Home:
    """The places inside a home directory (docs/architecture.md lists them). Making one touches nothing on disk."""

    def __init__(self, path: Optional[str] = None) -> None:
        self.path = Path(path or os.environ.get(HOME_VARIABLE) or Path.home() / ".terrazul").absolute()
        self.token_file = self.path / "token"
        self.master_key_file = self.path / "master.key"
        self.login_file = self.path / "login.json"
        self.open_file = self.path / "open.html"
        self.server_file = self.path / "server.json"
        self.lock_file = self.path / "lock"
        self.log_file = self.path / "server.log"
        self.database_file = self.path / "terrazul.db"
        self.blobs_folder = self.path / "blobs"
        self.data_folder = self.path / "data"
        self.runs_folder = self.path / "runs"
        self.services_folder = self.path / "services"
        self.environments_folder = self.path / "environments"
        self.sdk_folder = self.path / "sdk"
        self.cache_folder = self.path / "cache"
        self.tls_folder = self.path / "tls"
