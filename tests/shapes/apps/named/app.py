import getpass
import os

from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    return {"app": os.environ["SLIPWAY_APP"], "user": getpass.getuser(), "folder": os.getcwd()}
