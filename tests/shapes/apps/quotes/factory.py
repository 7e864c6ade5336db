from flask import Flask


def create_app(greeting, debug=True):
    app = Flask(__name__)

    @app.get("/")
    def index():
        return {"greeting": greeting, "debug": debug}

    return app
