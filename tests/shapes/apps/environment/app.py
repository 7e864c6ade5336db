import os
import tempfile
from pathlib import Path

from flask import Flask

# As libraries do when they are imported.
(Path.home() / "cache").mkdir(exist_ok=True)
(Path.home() / "cache" / "fonts").write_text("found")
scratch = tempfile.mkstemp()[1]

app = Flask(__name__)


@app.get("/")
def index():
    return dict(os.environ)


@app.get("/written")
def written():
    return {"home": str(Path.home()), "scratch": scratch}
