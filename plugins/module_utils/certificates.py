# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's certificates: made, got by ACME or taken as given, checked, and renewed before their end.

    slipway-certificates list
    slipway-certificates renew [NAME ...]     what is near its end; those that are named, now
    slipway-certificates revoke NAME          put a new one in its place, then have the old one revoked

The module ``certificates`` works with this file and puts it on the host as a program, which a timer runs every hour.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

DAY = 86400
RENEW = 30 * DAY  # before the end, or when a third is left of a life shorter than 90 days
LIFE = 90  # days of a certificate that is made here
CA_LIFE = 3650  # days; a new one is made LIFE + 30 days before the end, so that nothing outlives what signed it
OPENSSL_TIMEOUT = 30
CERTBOT_TIMEOUT = 300
NGINX_TIMEOUT = 60

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class CertificateError(Exception):
    """What keeps a certificate from being had, for a person."""


class Certificate(NamedTuple):
    """What the first certificate of a text says. Times in seconds since the epoch."""

    names: list[str]
    begins: float
    ends: float
    issuer: str
    key: str

    @property
    def ends_on(self) -> str:
        return day(self.ends)

    def due(self, now: float) -> bool:
        return self.ends - now <= min(RENEW, (self.ends - self.begins) / 3)


def day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds)) + " UTC"


def run(words: list, timeout: float, text: str = "", **environment: str) -> str:
    """What a command said on its standard output. Raises CertificateError with the last that it said when it fails."""
    try:
        done = subprocess.run(
            words,
            input=text,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "LC_ALL": "C", "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin", **environment},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CertificateError(f"{words[0]} did not run: {error}") from None
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise CertificateError(f"{words[0]} {words[1]} failed:\n{last}")
    return done.stdout


def openssl(*words, text: str = "") -> str:
    return run(["openssl", *words], OPENSSL_TIMEOUT, text)


def read(text: str) -> Certificate:
    """The first certificate of ``text``."""
    if not _CERTIFICATE.search(text):
        raise CertificateError("expected a certificate in PEM, which begins with -----BEGIN CERTIFICATE-----")
    said = openssl("x509", "-noout", "-issuer", "-dates", "-ext", "subjectAltName", "-pubkey", text=text)
    fields = dict(re.findall(r"^(issuer|notBefore|notAfter)=(.*)$", said, re.MULTILINE))
    return Certificate(
        names=re.findall(r"(?:DNS|IP Address):([^,\s]+)", said),
        begins=ssl.cert_time_to_seconds(fields["notBefore"]),
        ends=ssl.cert_time_to_seconds(fields["notAfter"]),
        issuer=fields["issuer"],
        key=said[said.index("-----BEGIN PUBLIC KEY-----") :].strip(),
    )


def covers(names: list[str], domain: str) -> bool:
    """Whether a certificate for ``names`` is good for ``domain``."""
    parent = "*." + domain.partition(".")[2]
    return any(name.lower() in (domain.lower(), parent.lower()) for name in names)


def check(fullchain: str, key: str, domains: list[str], now: float) -> Certificate:
    """Raises CertificateError unless the pair can serve ``domains`` now, to clients that trust what this host trusts."""
    certificate = read(fullchain)
    try:
        own = openssl("pkey", "-pubout", "-passin", "pass:", text=key).strip()
    except CertificateError:
        raise CertificateError("the key cannot be read; expected PEM without a passphrase") from None
    if own != certificate.key:
        raise CertificateError(
            "the key belongs to another certificate; give the one that the certificate was asked for with"
        )
    missing = [domain for domain in domains if not covers(certificate.names, domain)]
    if missing:
        raise CertificateError(
            f"it is not for {', '.join(missing)}; it names {', '.join(certificate.names) or 'nothing'}"
        )
    if not certificate.begins <= now < certificate.ends:
        raise CertificateError(
            f"it is good from {day(certificate.begins)} to {day(certificate.ends)}, and now is {day(now)}; give one that is good now"
        )
    check_chain(fullchain, certificate)
    return certificate


def check_chain(fullchain: str, certificate: Certificate) -> None:
    """A chain may end in a root of its own; otherwise in a certificate that this host trusts."""
    first, *rest = _CERTIFICATE.findall(fullchain)
    with tempfile.TemporaryDirectory() as folder:
        leaf, others = Path(folder, "leaf.pem"), Path(folder, "others.pem")
        leaf.write_text(first + "\n", encoding="utf-8")
        others.write_text("\n".join(rest or [first]) + "\n", encoding="utf-8")
        root = [first, *rest][-1]
        names = openssl("x509", "-noout", "-subject", "-issuer", text=root)
        roots = ["-CAfile", others] if len(set(re.findall(r"=(.*)", names))) == 1 else []
        try:
            openssl("verify", "-no_check_time", "-purpose", "sslserver", *roots, "-untrusted", others, leaf)
        except CertificateError as error:
            raise CertificateError(
                f"its chain is not complete: it was issued by {certificate.issuer}, and no way leads from there to what this host"
                f" trusts; below the certificate, add those of its CA up to the root.\n{error}"
            ) from None


class Certificates:
    """The certificates of ``settings``, on the host whose files begin at ``root``.

    ``settings`` holds ``requests`` (each with ``name``, ``provider``, ``domains``; given files as ``fullchain`` and ``key``),
    ``curve`` of new keys and the ``acme`` account.
    """

    def __init__(self, settings: dict, root: str = "/", now: float = 0) -> None:
        self.settings = settings
        self.now = now or time.time()
        self.served = Path(root, "etc/slipway/certificates")
        self.state = Path(root, "var/lib/slipway/certificates")
        self.webroot = Path(root, "var/lib/slipway/acme")
        self.untaken = self.state / "untaken"

    # What stands there

    def pair(self, name: str) -> tuple[str, str] | None:
        try:
            return tuple((self.served / name / file).read_text("utf-8") for file in ("fullchain.pem", "privkey.pem"))
        except OSError:
            return None

    def made(self, name: str) -> dict:
        """What the pair that stands there was made for."""
        try:
            return json.loads((self.served / name / "made.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}

    def purpose(self, request: dict) -> dict:
        """What a pair is made for; with another purpose comes another pair."""
        keys = {"provider": request["provider"], "domains": request["domains"]}
        if request["provider"] != "files":
            keys["curve"] = self.settings["curve"]
        if request["provider"] == "acme":
            keys |= {key: self.settings["acme"][key] for key in ("directory", "profile")}
        return keys

    def lacks(self, request: dict) -> str:
        """Why the pair that stands there will not do; nothing when it will."""
        pair = self.pair(request["name"])
        if not pair:
            return "there is none yet"
        if "key" in request and pair != (request["fullchain"], request["key"]):
            return "another one was given"
        if self.made(request["name"]) != self.purpose(request):
            return "it was made for other settings"
        try:
            certificate = read(pair[0])
        except CertificateError as error:
            return str(error)
        # One that was just given is as good as it gets.
        if certificate.due(self.now) and "key" not in request:
            return f"it ends on {certificate.ends_on}"
        if request["provider"] == "selfsigned" and not self.signed_here(pair[0]):
            return "the host has a new CA"
        return ""

    def report(self) -> list[dict]:
        """Each certificate, for people."""
        found = []
        for request in self.settings["requests"]:
            name, row = request["name"], {"name": request["name"], "provider": request["provider"]}
            with contextlib.suppress(CertificateError, TypeError):
                certificate = read(self.pair(name)[0])
                row |= {"ends": certificate.ends_on, "days": int((certificate.ends - self.now) // DAY)}
                row |= {"issuer": certificate.issuer, "names": certificate.names}
            found.append({**row, "placeholder": self.made(name).get("provider") == "placeholder"})
        return found

    # Make it so

    def prepare(self, request: dict) -> None:
        """A pair that Nginx can start with; of ACME a placeholder, if there is none, until ``renew`` can have it."""
        if request["provider"] == "files":
            check(request["fullchain"], request["key"], request["domains"], self.now)
            self.install(request["name"], request["fullchain"], request["key"], self.purpose(request))
        elif request["provider"] == "selfsigned":
            self.install(request["name"], *self.sign(request["domains"]), self.purpose(request))
        elif not self.pair(request["name"]):
            self.install(request["name"], *self.sign(request["domains"]), {"provider": "placeholder"})

    def renew(self, request: dict) -> None:
        """A new pair in the place of the one that stands there, which stays when this fails."""
        if request["provider"] == "selfsigned" or "key" in request:
            self.prepare(request)
            return
        if request["provider"] == "files":
            ends_on = read(self.pair(request["name"])[0]).ends_on
            raise CertificateError(f"it was given, and ends on {ends_on}; give a newer one and run the playbook")
        fullchain, key = self.order(request)
        certificate = read(fullchain)
        if missing := [domain for domain in request["domains"] if not covers(certificate.names, domain)]:
            raise CertificateError(
                f"what came from {self.settings['acme']['directory']} is not for {', '.join(missing)}"
            )
        self.install(request["name"], fullchain, key, self.purpose(request))

    def install(self, name: str, fullchain: str, key: str, purpose: dict) -> None:
        """Put a pair in the place of another by one rename, so that no reader gets half of each."""
        link, pairs = self.served / name, self.state / "pairs"
        if link.exists() and not link.is_symlink():
            raise CertificateError(f"{link} is not of slipway's making; move it away")
        for folder in (self.served, self.state, pairs):
            folder.mkdir(parents=True, exist_ok=True)
        pairs.chmod(0o700)
        new = pairs / f"{name}.{secrets.token_hex(4)}"
        new.mkdir(mode=0o700)
        write(new / "fullchain.pem", fullchain)
        write(new / "privkey.pem", key)
        write(new / "made.json", json.dumps(purpose))
        self.untaken.touch()
        beside = self.served / f".{name}.new"
        beside.unlink(missing_ok=True)
        beside.symlink_to(new)
        beside.replace(link)
        for old in pairs.glob(f"{name}.*"):
            if old != new:
                shutil.rmtree(old)

    # The host's own CA

    @property
    def ca(self) -> tuple[Path, Path]:
        return self.state / "ca.pem", self.state / "ca.key"

    def signed_here(self, fullchain: str) -> bool:
        certificate = self.ca[0]
        with contextlib.suppress(CertificateError), tempfile.TemporaryDirectory() as folder:
            leaf = Path(folder, "leaf.pem")
            leaf.write_text(fullchain, encoding="utf-8")
            openssl("verify", "-no_check_time", "-no-CApath", "-no-CAstore", "-CAfile", certificate, leaf)
            return True
        return False

    def have_ca(self) -> None:
        certificate, key = self.ca
        with contextlib.suppress(OSError, CertificateError):
            if key.exists() and read(certificate.read_text("utf-8")).ends - self.now > LIFE * DAY + RENEW:
                return
        self.state.mkdir(parents=True, exist_ok=True)
        text = new_key("secp384r1")
        write(key, text)
        made = openssl(
            *("req", "-x509", "-new", "-key", key, "-days", str(CA_LIFE), "-sha384"),
            *("-subj", f"/O=slipway/CN=slipway on {os.uname().nodename}"[:70]),
            *("-addext", "basicConstraints=critical,CA:TRUE,pathlen:0"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )
        write(certificate, made)
        # For people to fetch, and to trust in their browsers.
        self.served.mkdir(parents=True, exist_ok=True)
        write(self.served / "ca.pem", made, 0o644)

    def sign(self, domains: list[str]) -> tuple[str, str]:
        """A pair for ``domains``, signed by the host's own CA."""
        self.have_ca()
        certificate, ca_key = self.ca
        key = new_key(self.settings["curve"])
        names = ",".join(("IP:" if re.fullmatch(r"[0-9.]+|.*:.*", domain) else "DNS:") + domain for domain in domains)
        extensions = {
            "basicConstraints": "critical,CA:FALSE",
            "keyUsage": "critical,digitalSignature",
            "extendedKeyUsage": "serverAuth",
            "subjectKeyIdentifier": "hash",
            "authorityKeyIdentifier": "keyid",
            "subjectAltName": names,
        }
        with tempfile.TemporaryDirectory() as folder:
            private, file = Path(folder, "key"), Path(folder, "extensions")
            write(private, key)
            file.write_text("".join(f"{key}={value}\n" for key, value in extensions.items()), encoding="utf-8")
            subject = f"/CN={domains[0]}" if len(domains[0]) <= 64 else "/O=slipway"
            request = openssl("req", "-new", "-key", private, "-subj", subject)
            signed = openssl(
                *("x509", "-req", "-CA", certificate, "-CAkey", ca_key, "-set_serial", f"0x{secrets.token_hex(16)}"),
                *("-days", str(LIFE), "-sha384", "-extfile", file),
                text=request,
            )
        return signed, key

    # ACME, by certbot

    @property
    def certbot(self) -> Path:
        return self.state / "certbot"

    def order(self, request: dict) -> tuple[str, str]:
        """A new pair from the ACME server. It asks for a file below ``webroot``, which Nginx serves on port 80."""
        name, acme = request["name"], self.settings["acme"]
        for kind in ("live", "archive"):
            shutil.rmtree(self.certbot / "config" / kind / name, ignore_errors=True)
        (self.certbot / "config" / "renewal" / f"{name}.conf").unlink(missing_ok=True)
        self.webroot.mkdir(parents=True, exist_ok=True)
        options = {
            "authenticator": "webroot",
            "webroot-path": self.webroot,
            "cert-name": name,
            "domains": ",".join(request["domains"]),
            "key-type": "ecdsa",
            "elliptic-curve": self.settings["curve"],
            "agree-tos": "true",
            **({"email": acme["email"]} if acme["email"] else {"register-unsafely-without-email": "true"}),
            **({"eab-kid": acme["eab_kid"], "eab-hmac-key": acme["eab_hmac_key"]} if acme["eab_kid"] else {}),
            **({"preferred-profile": acme["profile"]} if acme["profile"] else {}),
        }
        self.run_certbot("certonly", options)
        live = self.certbot / "config" / "live" / name
        return (live / "fullchain.pem").read_text("utf-8"), (live / "privkey.pem").read_text("utf-8")

    def run_certbot(self, command: str, options: dict) -> None:
        """Its options go through a file: some are secret."""
        acme = self.settings["acme"]
        self.certbot.mkdir(parents=True, exist_ok=True)
        self.certbot.chmod(0o700)
        options = {
            "non-interactive": "true",
            "server": acme["directory"],
            "config-dir": self.certbot / "config",
            "work-dir": self.certbot / "work",
            "logs-dir": self.certbot / "logs",
            "max-log-backups": 20,
            **options,
        }
        file, environment = self.certbot / "options.ini", {}
        write(file, "".join(f"{key} = {value}\n" for key, value in options.items()))
        if acme["ca_bundle"]:
            bundle = self.certbot / "ca.pem"
            write(bundle, acme["ca_bundle"])
            environment["REQUESTS_CA_BUNDLE"] = str(bundle)
        try:
            run(["certbot", command, "--config", file], CERTBOT_TIMEOUT, **environment)
        except CertificateError as error:
            raise CertificateError(f"{acme['directory']} gave none; {error}") from None
        finally:
            file.unlink()

    def revoke(self, request: dict) -> None:
        """Replace a pair, and only then have the old one revoked: no client meets a revoked one."""
        if request["provider"] != "acme":
            raise CertificateError(
                "only a certificate that came by ACME can be revoked from here; `renew` replaces others"
            )
        fullchain, key = self.pair(request["name"])
        self.renew(request)
        self.take()
        with tempfile.TemporaryDirectory() as folder:
            paths = {"cert-path": Path(folder, "certificate"), "key-path": Path(folder, "key")}
            write(paths["cert-path"], fullchain)
            write(paths["key-path"], key)
            self.run_certbot("revoke", {**paths, "no-delete-after-revoke": "true"})

    # Nginx

    def take(self) -> None:
        """Have Nginx take the pairs that it has not taken yet."""
        if not self.untaken.exists():
            return
        active = subprocess.run(["systemctl", "is-active", "--quiet", "nginx"], timeout=NGINX_TIMEOUT, check=False)
        if active.returncode == 0:
            run(["nginx", "-t"], NGINX_TIMEOUT)
            run(["systemctl", "reload", "nginx"], NGINX_TIMEOUT)
        self.untaken.unlink()

    def unused(self) -> set[str]:
        """Names of pairs that Nginx's files do not speak of."""
        try:
            config = run(["nginx", "-T"], NGINX_TIMEOUT)
        except CertificateError:
            return set()
        return {path.name for path in self.served.iterdir() if path.is_symlink() and f"{path}/" not in config}

    def prune(self) -> None:
        """Remove what nobody asks for any more."""
        for name in self.unused() - {request["name"] for request in self.settings["requests"]}:
            (self.served / name).unlink()
            for folder in (self.state / "pairs").glob(f"{name}.*"):
                shutil.rmtree(folder)

    # All of them

    def each(self, action: Callable[[dict], None], requests: list[dict]) -> list[str]:
        """Do ``action`` for each; what went wrong, by name. One that fails keeps none of the others from theirs."""
        errors = []
        for request in requests:
            try:
                action(request)
            except (CertificateError, OSError) as error:
                errors.append(f"{request['name']}: {error}")
        return errors


def new_key(curve: str) -> str:
    return openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}")


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace a file, which nobody but those of ``mode`` may read at any time."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)


@contextlib.contextmanager
def alone(root: str = "/") -> Iterator[None]:
    """One run at a time: the timer's waits for a playbook's, and a playbook's for the timer's."""
    with open(Path(root, "run/slipway-certificates.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def say(line: str, stream: TextIO = sys.stdout) -> None:
    stream.write(f"{line}\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list")
    commands.add_parser("renew").add_argument("names", nargs="*", metavar="NAME")
    commands.add_parser("revoke").add_argument("names", nargs=1, metavar="NAME")
    arguments = parser.parse_args()
    os.umask(0o022)  # Nginx reads what an ACME server asks for.
    file = Path("/etc/slipway/certificates/requests.json")
    all_ = Certificates(json.loads(file.read_text("utf-8")))
    requests = {request["name"]: request for request in all_.settings["requests"]}
    if arguments.command == "list":
        for row in all_.report():
            say(f"{row['name']:24} {row['provider']:10} {row.get('ends', 'none'):20} {row.get('issuer', '')}")
        return 0
    if unknown := set(arguments.names) - set(requests):
        parser.error(f"no certificate is called {', '.join(sorted(unknown))}; there are: {', '.join(requests)}")
    with alone():
        if arguments.names:
            chosen = [requests[name] for name in arguments.names]
        else:
            unused = all_.unused()
            chosen = [one for one in requests.values() if one["name"] not in unused and all_.lacks(one)]
        errors = all_.each(getattr(all_, arguments.command), chosen)
        try:
            all_.take()
            all_.prune()
        except CertificateError as error:
            errors.append(f"Nginx did not take the new certificates: {error}")
    for request in chosen:
        if not any(error.startswith(f"{request['name']}: ") for error in errors):
            say(f"{request['name']}: new, good until {read(all_.pair(request['name'])[0]).ends_on}")
    for error in errors:
        say(error, sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    raise SystemExit(main())
