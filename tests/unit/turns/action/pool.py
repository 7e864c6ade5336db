"""In place of the module pool: marks that are files, of which the next run knows whether a turn made them."""

from __future__ import annotations

from ansible_collections.slipway.flask.plugins.action.world import WorldAction


class ActionModule(WorldAction):
    def answer(self, words, task_vars):
        pool, state = self.fleet / "pools" / self.at, words["state"]
        marks = {path.name: path.read_text() for path in pool.iterdir()}
        if state == "told":
            self.do(f"told {self.at}")
            return {"hosts": {}, "left": [name for name, by in marks.items() if by == "turn"]}
        mark = pool / words["host"]
        if words.get("turn") and marks.get(words["host"]) == "hand":
            return {"changed": False}
        if state == "out":
            self.do(f"out {self.at} {words['host']}", lambda: mark.write_text("turn" if words.get("turn") else "hand"))
        else:
            self.do(f"in {self.at} {words['host']}", lambda: mark.unlink(missing_ok=True))
        return {"changed": (words["host"] in marks) != (state == "out")}
