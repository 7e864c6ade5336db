from importlib.metadata import version
from pathlib import Path

from flask import Flask, render_template


def create_app():
    app = Flask(__name__)

    @app.get("/")
    def index():
        return {"version": version("shape-project"), "file": __file__}

    @app.get("/page")
    def page():
        return render_template("page.html", version=version("shape-project"))

    @app.get("/instance")
    def instance():
        (Path(app.instance_path) / "note").write_text("kept")
        return {"path": app.instance_path}

    return app
