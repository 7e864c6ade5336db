from pathlib import Path

from flask import Flask, request

app = Flask(__name__, static_url_path="/assets", static_folder="web")
uploads = Path(app.root_path).parent / "uploads"


@app.post("/upload/<name>")
def upload(name):
    (uploads / name).write_bytes(request.data)
    return {"url": f"/media/{name}"}, 201


@app.get("/")
def index():
    return {"uploads": sorted(path.name for path in uploads.iterdir())}
