"""What a visitor of the default scenario's site meets."""


def test_nginx_answers_with_the_page(host):
    page = host.check_output("curl -sS --fail -H 'Host: hello.example.com' http://127.0.0.1/")
    assert "<title>" in page
