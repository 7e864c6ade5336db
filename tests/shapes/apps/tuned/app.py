import os

from flask import Flask

app = Flask(__name__)
loaded_by = os.getpid()


@app.get("/")
def index():
    return {"worker": os.getpid(), "loaded_by": loaded_by}
