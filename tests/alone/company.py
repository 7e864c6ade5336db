#!/usr/bin/env python3
"""A company's network, as its servers see it: a proxy leads out, and to a package index whose HTTPS the company's own CA signed.

company.py make FOLDER      on the controller: the CA and the index, filled with wheels (needs a package index itself)
company.py serve FOLDER     on a host: the proxy at port 3128, the index behind it; every request is logged
"""

from __future__ import annotations

import base64
import datetime
import functools
import http.client
import http.server
import socket
import ssl
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

INDEX = "packages.company.example"
LOGIN = "robot:Hn4-word"
WHEEL = {
    "greeting.py": (
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
        "    return [b'Greetings from the company to ' + environ.get('HTTP_X_FORWARDED_FOR', 'nobody').encode()]\n"
    ),
    "company_greeting-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: company-greeting\nVersion: 1.0\n",
    "company_greeting-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "company_greeting-1.0.dist-info/RECORD": "",
}


def make(folder: Path) -> None:
    simple = folder / "index" / "simple"
    for name in ("gunicorn", "packaging"):
        target = simple / name
        target.mkdir(parents=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", target]
        subprocess.run([*pip, "gunicorn==27.0.1" if name == "gunicorn" else name], check=True, timeout=300)
    (simple / "company-greeting").mkdir()
    with zipfile.ZipFile(simple / "company-greeting" / "company_greeting-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in WHEEL.items():
            wheel.writestr(name, text)
    certificates(folder)


def certificates(folder: Path) -> None:
    """The CA's certificate, and the index's with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = datetime.datetime.now(datetime.timezone.utc)

    def certificate(name: str, key, issuer: str, issuer_key, extension):
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(extension, critical=True)
            .sign(issuer_key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )

    ca, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    names = x509.SubjectAlternativeName([x509.DNSName(INDEX)])
    (folder / "index.pem").write_bytes(own.private_bytes(*plain) + certificate(INDEX, own, "Company CA", ca, names))
    authority = x509.BasicConstraints(ca=True, path_length=None)
    (folder / "ca.pem").write_bytes(certificate("Company CA", ca, "Company CA", ca, authority))


class Index(http.server.SimpleHTTPRequestHandler):
    """A folder for every project, whose listing is its page. Only for those who log in."""

    def do_GET(self) -> None:
        if self.headers["Authorization"] == "Basic " + base64.b64encode(LOGIN.encode()).decode():
            super().do_GET()
        else:
            self.send_error(401)


class Proxy(http.server.BaseHTTPRequestHandler):
    def do_CONNECT(self) -> None:
        if self.path != f"{INDEX}:443":
            return self.send_error(403)
        upstream = socket.create_connection(("127.0.0.1", 8443), timeout=60)
        self.send_response(200)
        self.end_headers()
        there = threading.Thread(target=pump, args=(self.connection, upstream))
        there.start()
        pump(upstream, self.connection)
        there.join()
        self.close_connection = True

    def do_GET(self) -> None:
        """What the distribution's package manager asks."""
        url = urlsplit(self.path)
        connection = http.client.HTTPConnection(url.netloc, timeout=60)
        headers = {name: self.headers[name] for name in ("Host", "Range", "If-Modified-Since") if name in self.headers}
        connection.request("GET", url.path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for name in ("Content-Type", "Content-Range", "Last-Modified", "Location"):
            if answer.headers[name]:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        target.close()


def serve(folder: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "index.pem")
    index = http.server.ThreadingHTTPServer(("127.0.0.1", 8443), functools.partial(Index, directory=folder / "index"))
    index.socket = context.wrap_socket(index.socket, server_side=True)
    threading.Thread(target=index.serve_forever, daemon=True).start()
    http.server.ThreadingHTTPServer(("127.0.0.1", 3128), Proxy).serve_forever()


if __name__ == "__main__":
    {"make": make, "serve": serve}[sys.argv[1]](Path(sys.argv[2]).resolve())
