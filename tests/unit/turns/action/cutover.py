"""In place of the module cutover: slots that are a file."""

from __future__ import annotations

import json

from ansible_collections.slipway.flask.plugins.action.world import WorldAction, write


class ActionModule(WorldAction):
    def answer(self, words, task_vars):
        state, app = words.get("state", "live"), words["name"]
        path = self.fleet / "hosts" / self.at / app
        slots = json.loads(path.read_text())
        live = slots["live"]
        other = "green" if live == "blue" else "blue"
        if state == "returned":
            due = live == words["slot"] and slots[other]
        else:
            due = slots[live] != words["release"]
            slots[other] = words["release"] if due else slots[other]
        found = {"changed": bool(due), "reasons": ["due"] if due else [], "slot": other if due else live}
        doing = f"{'predicted' if self.check else state} {self.at} {app}"
        if self.check or not due:
            self.do(f"{doing} {'due' if due else 'the same'}")
            return found
        if state == "prepared":
            self.do(doing)
        else:
            self.do(doing, lambda: write(path, {**slots, "live": other}))
        return found
