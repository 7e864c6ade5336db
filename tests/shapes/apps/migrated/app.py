from pathlib import Path

from flask import Flask

app = Flask(__name__, instance_relative_config=True)
started = Path(app.instance_path, "started").read_text().splitlines()


@app.get("/")
def index():
    switched = Path(app.instance_path, "switched")
    return {"switched": switched.read_text().splitlines() if switched.exists() else [], "started": started}
