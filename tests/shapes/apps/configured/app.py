import json
import re
from pathlib import Path

from flask import Flask

app = Flask(__name__)
title = re.search(r"^title = '(.*)'$", Path("/etc/shape.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]
local = json.loads(Path(app.root_path, "conf/local.json").read_text(encoding="utf-8"))


@app.get("/")
def index():
    return {"title": title, "local": local}
