"""A site over HTTPS, asked for on its host, and the certificate that it shows there."""

from __future__ import annotations

from served import Served, wait_for

PROGRAM = "/usr/local/sbin/slipway-certificates"
# A host's ACME server tells its own root, which it makes anew at each start.
ROOTS = {
    "own": "cat /etc/slipway/certificates/ca.pem",
    "given": "cat /etc/slipway/certificates/given/fullchain.pem",
    "issued": "curl --silent --insecure https://localhost:15000/roots/0",
}


class Secure(Served):
    """The app ``name``, over HTTPS."""

    def https(self, path: str = "/", *options: str, domain: str = "") -> tuple[int, str]:
        """Status, and head and body, that a client gets who trusts the certificate's root and checks it."""
        domain, root = domain or self.domain, f"/tmp/root-{self.name}.pem"
        words = " ".join(f"'{option}'" for option in options)
        answer = self.run(
            f"{ROOTS[self.name]} > {root} && curl --silent --show-error --max-time 20 --include --cacert {root}"
            f" --resolve '*:443:127.0.0.1' --write-out '\\n%{{http_code}}' {words} 'https://{domain}{path}'"
        )
        body, _, status = answer.rpartition("\n")
        return int(status), body

    def handshake(self, *options: str, domain: str = "") -> str:
        """What OpenSSL's client says of a connection."""
        words = " ".join(options)
        target = f"-connect 127.0.0.1:443 -servername {domain or self.domain}"
        # A ticket for the next time takes a moment.
        return self.host.run(f"sleep 0.3 | timeout 10 openssl s_client {target} {words} 2>&1").stdout

    def shown(self, field: str) -> str:
        """A field of the certificate that Nginx shows, such as `serial` or `enddate`."""
        said = self.host.run(
            f"echo | timeout 10 openssl s_client -connect 127.0.0.1:443 -servername {self.domain} 2>/dev/null"
            f" | openssl x509 -noout -{field}"
        ).stdout
        return said.partition("=")[2].strip()

    def soon_shows_another(self, serial: str) -> str:
        """The serial of the certificate that replaced this one: workers take a moment to be replaced."""
        return wait_for(lambda: (new := self.shown("serial")) != serial and new, "another certificate")

    def renew(self, days: float = 0, *names: str):
        """Run what the timer runs, with the clock so many days ahead."""
        ahead = f"faketime -f '+{days}d' " if days else ""
        return self.host.run(f"{ahead}{PROGRAM} renew {' '.join(names)}")

    @property
    def folder(self) -> str:
        return f"/etc/slipway/certificates/{self.name}"
