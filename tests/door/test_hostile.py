"""Clients that mean ill, or know no better: the others are served, and the app gets nothing that nobody asked for."""

import base64
import re
import time

import pytest
from served import wait_for

BAD_CLIENTS = 500
# Debian's slowhttptest: a byte or so of each connection's headers, of its body, of its answer at a time.
WAYS = {
    "headers": "-H -i 2 -x 8 -u http://plain.example.com/",
    "body": "-B -i 2 -x 8 -s 8192 -t POST -u http://plain.example.com/api/entries",
    "read": "-X -w 1 -y 64 -n 2 -z 1 -u http://plain.example.com/",
}


@pytest.fixture
def crowd(plain, way):
    """Clients that are bad in the same way, as long as the test lasts."""
    yield lambda: plain.run(
        f"systemd-run --quiet --collect --unit=crowd --property=LimitNOFILE=4096 slowhttptest"
        f" -c {BAD_CLIENTS} -r 100 -l 40 -p 3 {WAYS[way]}"
    )
    plain.run("systemctl stop crowd || true")


@pytest.mark.alone
@pytest.mark.parametrize("way", WAYS)
def test_slow_clients_keep_nobody_waiting(plain, crowd, way):
    with plain.load(clients=2, pause=0.05, slow=0) as quiet:
        time.sleep(6)
    crowd()
    connections = "ss --no-header --tcp --numeric state established '( sport = :80 )' | wc -l"
    wait_for(lambda: int(plain.run(connections)) > 0.9 * BAD_CLIENTS, "the crowd")
    with plain.load(clients=2, pause=0.05, slow=0) as load:
        time.sleep(8)
    counts, before = load.counts(), quiet.counts()
    print(way, "quiet", before["ms"], "crowded", counts["ms"], "lost", counts["lost"], "of", counts["requests"])
    assert counts["requests"] >= 100
    assert counts["lost"] <= counts["requests"] / 1000, counts
    # Fifty milliseconds more, as the crowd shares the host's processors with whom it crowds. Who waits for it, waits for seconds.
    assert counts["ms"]["p50"] <= 2 * before["ms"]["p50"] + 50, (before, counts)


@pytest.mark.alone
def test_a_burst_of_clients_is_served(plain):
    said = plain.run(f"ab -q -l -n {BAD_CLIENTS} -c {BAD_CLIENTS} -H 'Host: {plain.domain}' http://127.0.0.1/")
    found = dict(re.findall(r"^(Complete|Failed|Non-2xx) (?:requests|responses): +(\d+)$", said, re.MULTILINE))
    assert found == {"Complete": str(BAD_CLIENTS), "Failed": "0"}, said


# Requests that two readers might take for different ones. Whatever is answered, /smuggled must not reach the app.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: guarded.example.com\r\n\r\n"
HEAD = b"POST /outer HTTP/1.1\r\nHost: guarded.example.com\r\n"
MALFORMED = {
    "length and chunks": HEAD
    + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % (5 + len(SMUGGLED))
    + SMUGGLED,
    "two lengths": HEAD + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "signed length": HEAD + b"Content-Length: +%d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "listed lengths": HEAD + b"Content-Length: 0, %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "blank before colon": HEAD + b"Content-Length : %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "hidden chunks": HEAD + b"Transfer-Encoding: xchunked\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "tab before chunked": HEAD + b"Transfer-Encoding:\tchunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunk size too large": HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + SMUGGLED,
    "NUL in a header": HEAD + b"X-Null: a\x00b\r\n\r\n" + SMUGGLED,
    "NUL in the path": b"GET /%00 HTTP/1.1\r\nHost: guarded.example.com\r\n\r\n" + SMUGGLED,
    "line break in the path": b"GET /a\nGET /smuggled HTTP/1.1\r\nHost: guarded.example.com\r\n\r\n",
    "HTTP 1.0 with chunks": HEAD.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two hosts": b"GET /two HTTP/1.1\r\nHost: guarded.example.com\r\nHost: other.example.com\r\n\r\n" + SMUGGLED,
    "no host": b"GET /none HTTP/1.1\r\n\r\n" + SMUGGLED,
    "unknown version": b"GET /version HTTP/9.9\r\nHost: guarded.example.com\r\n\r\n" + SMUGGLED,
}
SEND = r"""
import base64, socket, sys
with socket.create_connection(("127.0.0.1", 80), 5) as client:
    client.settimeout(1)
    client.sendall(base64.b64decode(sys.argv[1]))
    answer = b""
    try:
        while piece := client.recv(65536):
            answer += piece
    except OSError:
        pass
print(answer.decode(errors="replace"))
"""


@pytest.mark.parametrize("request_bytes", MALFORMED.values(), ids=MALFORMED)
def test_no_request_hides_in_another(guarded, request_bytes):
    """Nginx refuses the first, and with it the connection, so that nobody has to guess where it ends."""
    since = guarded.now()
    answer = guarded.run("python3 -c %s %s", SEND, base64.b64encode(request_bytes).decode())
    first = answer.partition("\r\n")[0]
    assert first == "" or first.split(" ")[1] in ("200", "400", "404", "405", "411", "413", "501", "505"), answer
    assert "/smuggled" not in guarded.reached(since) and '"path":"/smuggled"' not in answer


@pytest.mark.parametrize("path", ["/%ff%fe", "/%c0%af", "/caf\xe9", "/%u0041"])
def test_bad_utf_8_is_no_error_of_the_server(guarded, path):
    assert guarded.get(path)[0] < 500
