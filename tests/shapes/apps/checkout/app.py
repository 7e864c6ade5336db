import os

import markupsafe
from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    return {"file": __file__, "folder": os.getcwd(), "markupsafe": markupsafe.__name__}
