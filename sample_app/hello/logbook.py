"""The pages."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from . import csrf, entries, visitor
from .params import bounded

PAGE = 20

bp = Blueprint("logbook", __name__)


@bp.get("/")
def index() -> str:
    before = bounded("before", entries.END, 1, entries.END)
    rows, following = entries.page(PAGE, before)
    return render_template(
        "index.html",
        entries=rows,
        newest=before == entries.END,
        following=following,
        total=entries.total(),
        in_harbour=entries.in_harbour(),
    )


@bp.route("/entries/new", methods=["GET", "POST"])
def new() -> str | Response | tuple[str, int]:
    if not current_app.secret_key:
        abort(503, "The book can be read but not written here until HELLO_SECRET_KEY is set.")
    if request.method == "GET":
        return render_template("new.html", entry={}, errors={}, csrf=csrf.token(), lengths=entries.LENGTHS)

    csrf.check()
    entry, errors = entries.validate(request.form)
    if errors:
        page = render_template("new.html", entry=entry, errors=errors, csrf=csrf.token(), lengths=entries.LENGTHS)
        return page, 422
    visitor.wrote(entries.add(entry)["id"])
    flash(f"{entry['boat']} is logged {entry['movement']}.")
    return redirect(url_for("logbook.index"), 303)


@bp.get("/instruments")
def instruments() -> str:
    return render_template("instruments.html")
