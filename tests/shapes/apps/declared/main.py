import platform

import inflection
from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    return {"python": platform.python_version(), "plural": inflection.pluralize("shape")}
