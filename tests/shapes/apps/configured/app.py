import json
from configparser import RawConfigParser
from pathlib import Path

from flask import Flask

app = Flask(__name__)
config = RawConfigParser()
config.read_string(Path("/etc/shape.ini").read_text(encoding="utf-8"))
title = config["shape"]["title"]
local = json.loads(Path(app.root_path, "conf/local.json").read_text(encoding="utf-8"))


@app.get("/")
def index():
    return {"title": title, "local": local}
