"""Settings change by a reload, which is checked first; code never needs one."""

from door import play

RELOADS = 10


def test_reloads_lose_next_to_nothing(plain):
    """Before 1.27.4 Nginx closes idle connections at once, also one on which the next request is on its way."""
    with plain.load(clients=6, pause=0.03) as load:
        for _ in range(RELOADS):
            plain.run("systemctl reload nginx")
            plain.run("sleep 1")
    counts = load.counts()
    print(plain.run("nginx -v 2>&1"), "lost", counts["lost"], "of", counts["requests"], "in", RELOADS, "reloads")
    assert counts["lost"] <= RELOADS, counts


def test_a_broken_extension_is_refused_in_nginx_s_own_words(plain):
    before = plain.run("sha256sum /etc/nginx/nginx.conf /etc/nginx/sites-enabled/* /etc/nginx/slipway/*/*")
    with plain.load(clients=2, pause=0.03) as load:
        done = play("site.yml", plain, nginx_extra_config={"no_such_directive": "on"})
    assert not done.ok
    assert 'unknown directive "no_such_directive"' in done.output.replace("\\", "")
    assert plain.run("sha256sum /etc/nginx/nginx.conf /etc/nginx/sites-enabled/* /etc/nginx/slipway/*/*") == before
    assert load.counts()["lost"] == 0, load.counts()


BLOCK = "{% extends 'site.conf.j2' %}{% block app %}{{ super() }}location = /robots.txt { SAYS; }{% endblock %}"


def test_a_block_of_a_template_is_replaced(plain, tmp_path):
    template = tmp_path / "mine.conf.j2"
    template.write_text(BLOCK.replace("SAYS", "return 204"))
    assert play("site.yml", plain, nginx_site_template=str(template)).ok
    assert (plain.get("/robots.txt")[0], plain.get("/")[0]) == (204, 200)
    template.write_text(BLOCK.replace("SAYS", "no_such_directive"))
    done = play("site.yml", plain, nginx_site_template=str(template))
    assert not done.ok
    assert 'unknown directive "no_such_directive"' in done.output.replace("\\", "")
    assert plain.get("/robots.txt")[0] == 204
    assert play("site.yml", plain).ok
    assert plain.get("/robots.txt")[0] == 404


def test_a_deploy_of_code_leaves_nginx_alone(plain):
    workers = plain.nginx_workers
    done = play("playbooks/deploy.yml", plain, server_threads=5, slipway_only=[plain.name])
    assert done.ok and done.changed, done.output
    assert plain.nginx_workers == workers
    assert play("site.yml", plain).ok
