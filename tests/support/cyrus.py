"""Cyrus: CalDAV with scheduling between its users, as an organisation runs it.

An own installation in a temporary directory with own ports; one of the system is neither used nor disturbed.
"""

from __future__ import annotations

import imaplib
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.davserver import DOMAIN, DavServer
from tests.support.process import HOST, ServerDied, free_port

# Also the realm of the passwords: SASL looks a user up as name@server.
SERVER_NAME = "localhost"
ADMIN, ADMIN_PASSWORD = "cyrusadmin", "cyrusadmin-secret"
PROGRAMS = ("cyrmaster", "saslpasswd2")
LIBRARY = Path("/usr/lib/cyrus/bin")
INSTALL = "apt-get install --no-install-recommends cyrus-caldav cyrus-imapd sasl2-bin libsasl2-modules-db"


class Cyrus(DavServer):
    """Users `anna` and `ben` (or those of `passwords`) with calendars, a scheduling inbox and outbox each.

    Their calendar addresses are `mailto:USER@example.org` (`address`); an invitation of one to the other is delivered
    by the server.
    """

    name = "cyrus"
    ready_within = 60.0
    grace = 5.0

    def __init__(self, passwords: Mapping[str, str] | None = None, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(passwords or {"anna": "anna-secret", "ben": "ben-secret"})
        self.settings = dict(settings or {})
        self.imap_port = 0

    @classmethod
    def missing(cls) -> str:
        """What keeps Cyrus from running here; empty if nothing does."""
        absent = [name for name in PROGRAMS if program(name) is None]
        absent += [name for name in ("httpd", "imapd") if not (LIBRARY / name).exists()]
        return f"Cyrus is not installed (no {', '.join(absent)}): {INSTALL}" if absent else ""

    @classmethod
    def available(cls) -> bool:
        return not cls.missing()

    def user(self) -> str:
        """Root is needed for the ports below 1024 only."""
        return "cyrus" if os.geteuid() == 0 else ""

    def home(self, user: str | None = None) -> str:
        return f"/dav/calendars/user/{user or self.login}/"

    def books(self, user: str | None = None) -> str:
        return f"/dav/addressbooks/user/{user or self.login}/"

    def inbox(self, user: str | None = None) -> str:
        return f"{self.home(user)}Inbox/"

    def prepare(self) -> None:
        if self.missing():
            raise ServerDied(self.missing())
        for name in ("conf", "conf/proc", "conf/lock", "conf/socket", "spool", "sieve"):
            (self.directory / name).mkdir()
        self._write_imapd_conf()
        for user, password in {**self.passwords, ADMIN: ADMIN_PASSWORD}.items():
            made = subprocess.run(
                [program("saslpasswd2") or "", "-f", self._sasldb, "-u", SERVER_NAME, "-p", "-c", user],
                input=password.encode(),
                capture_output=True,
                check=False,
            )
            if made.returncode:
                raise ServerDied(f"saslpasswd2 failed\n{made.stderr.decode()}")
        owner = self.user()
        if owner:
            group = pwd.getpwnam(owner).pw_gid
            for path in [self.directory, *self.directory.rglob("*")]:
                shutil.chown(path, owner, group)

    def _write_imapd_conf(self) -> None:
        at = self.directory
        settings = {
            "configdirectory": at / "conf",
            "proc_path": at / "conf/proc",
            "mboxname_lockpath": at / "conf/lock",
            "defaultpartition": "default",
            "partition-default": at / "spool",
            "sievedir": at / "sieve",
            "lmtpsocket": at / "conf/socket/lmtp",
            "idlesocket": at / "conf/socket/idle",
            "notifysocket": at / "conf/socket/notify",
            "admins": ADMIN,
            "cyrus_user": self.user() or pwd.getpwuid(os.geteuid()).pw_name,
            "servername": SERVER_NAME,
            "defaultdomain": DOMAIN,
            "unixhierarchysep": "yes",
            "altnamespace": "no",
            "allowplaintext": "yes",
            "sasl_pwcheck_method": "auxprop",
            "sasl_auxprop_plugin": "sasldb",
            "sasl_sasldb_path": self._sasldb,
            "sasl_mech_list": "PLAIN",
            "httpmodules": "caldav carddav",
            "calendar_user_address_set": DOMAIN,
            "caldav_allowscheduling": "on",
            "caldav_historical_age": "-1",
            **self.settings,
        }
        (at / "imapd.conf").write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))

    @property
    def _sasldb(self) -> Path:
        return self.directory / "sasldb2"

    def command(self) -> Sequence[str | Path]:
        self.imap_port = self.imap_port or free_port()
        imapd_conf, cyrus_conf = self.directory / "imapd.conf", self.directory / "cyrus.conf"
        cyrus_conf.write_text(
            "START {\n"
            f'  recover cmd="{LIBRARY}/ctl_cyrusdb -C {imapd_conf} -r"\n'
            "}\nSERVICES {\n"
            f'  imap cmd="{LIBRARY}/imapd -C {imapd_conf}" listen="{HOST}:{self.imap_port}" proto="tcp4" prefork=0\n'
            f'  http cmd="{LIBRARY}/httpd -C {imapd_conf}" listen="{HOST}:{self.port}" proto="tcp4" prefork=1\n'
            "}\nEVENTS {\n}\n"
        )
        return [
            *(program("cyrmaster") or "cyrmaster", "-C", imapd_conf, "-M", cyrus_conf),
            *("-p", self.directory / "master.pid"),
        ]

    def settle(self) -> None:
        """Makes the users' mailboxes, calendars and scheduling boxes.

        Without a mailbox there are no calendars; and until the first request there is no scheduling inbox, so that an
        invitation to somebody who never came would be lost.
        """
        with imaplib.IMAP4(HOST, self.imap_port, timeout=30) as imap:
            imap.login(ADMIN, ADMIN_PASSWORD)
            for user in self.passwords:
                answer, detail = imap.create(f"user/{user}")
                if answer != "OK":
                    raise ServerDied(f"Cyrus made no mailbox for {user}: {detail!r}")
        for user in self.passwords:
            self.dav(user).propfind(self.home(user), "displayname").expect(207)


def program(name: str) -> str | None:
    # Debian keeps them where an ordinary user's PATH does not look.
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/lib/cyrus/bin")
