import inflect
from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    return {"words": inflect.engine().number_to_words(3)}
