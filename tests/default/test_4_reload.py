"""What an administrator types, under load: reload, restart, and a changed number of workers lose nothing."""

import pytest
from playbook import play
from served import wait_for


def test_a_reload_replaces_the_workers_and_loses_nothing(hello):
    before, master = hello.workers, hello.master
    with hello.load() as load:
        hello.run("systemctl reload flask-hello")
        wait_for(
            lambda: len(hello.workers) == len(before) and not set(before) & set(hello.workers), "new workers alone", 40
        )
    assert load.counts()["lost"] == 0, load.counts()
    assert hello.master == master


def test_five_restarts_lose_nothing(hello):
    with hello.load(slow=0.5) as load:
        for _ in range(5):
            master = hello.master
            hello.run("systemctl restart flask-hello")
            wait_for(
                lambda old=master: hello.master not in (0, old) and hello.json("/whoami"),
                "a new master that answers",
                40,
            )
    assert load.counts()["lost"] == 0, load.counts()


def test_a_check_predicts_a_changed_number_of_workers_and_changes_nothing(hello):
    slot, master = hello.slot, hello.master
    words = ["playbooks/deploy.yml", "--limit", hello.machine, "--check", "--diff"]
    checked = play(*words, server_workers=4)
    assert checked.ok and checked.changed == 1, checked.output
    assert "+workers = 4" in checked.output
    assert (hello.slot, hello.master) == (slot, master)


@pytest.mark.parametrize("workers", [4, 2])
def test_a_changed_number_of_workers_is_applied_without_a_loss(hello, workers):
    slot = hello.slot
    with hello.load() as load:
        played = play("playbooks/deploy.yml", "--limit", hello.machine, server_workers=workers)
    assert played.ok and played.changed == 1, played.output
    assert load.counts()["lost"] == 0, load.counts()
    assert len(hello.workers) == workers
    assert hello.slot != slot


def test_back_to_the_inventory_s_settings(hello):
    assert play("site.yml", "--limit", hello.machine).ok
    assert play("site.yml", "--limit", hello.machine).changed == 0
