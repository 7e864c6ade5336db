import pytest
from flask.logging import default_handler

from hello import create_app


def logging_app(**config):
    """With Flask's handler, which pytest's own keeps it from adding."""
    app = create_app({"TESTING": True, **config})
    if default_handler not in app.logger.handlers:
        app.logger.addHandler(default_handler)
    return app


@pytest.mark.parametrize(("proxies", "told"), [(1, "[7a3eda98]"), (0, "[-]")])
def test_a_line_bears_the_id_that_a_proxy_gave_the_request(proxies, told, capsys):
    app = logging_app(PROXIES=proxies, DATABASE="/nonexistent/logbook.sqlite3")
    assert app.test_client().get("/", headers={"X-Request-ID": "7a3eda98"}).status_code == 503
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "The database" in line)
    assert line.endswith(told)


def test_a_line_outside_of_a_request(capsys):
    logging_app().logger.error("nobody asked")
    assert "nobody asked [-]" in capsys.readouterr().err
