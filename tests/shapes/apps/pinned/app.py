import threading

from flask import Flask, request

app = Flask(__name__)
pair = threading.Barrier(2)


@app.get("/")
def index():
    return {"server": request.environ["SERVER_SOFTWARE"]}


@app.get("/pair")
def meet():
    """Answers only where two requests are handled at once."""
    pair.wait(timeout=10)
    return {"met": True}
