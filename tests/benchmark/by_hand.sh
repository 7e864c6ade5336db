#!/usr/bin/env bash
# What a competent administrator types to serve the sample app, whose tree lies in ~/hello: the measure of a first run.
set -euo pipefail

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq --yes --no-install-recommends nginx python3-venv > /dev/null

useradd --system --user-group --home-dir /var/lib/hello --create-home --shell /usr/sbin/nologin hello
install -d /srv/hello
cp -r ~admin/hello /srv/hello/src
python3 -m venv /srv/hello/venv
/srv/hello/venv/bin/pip install --quiet --disable-pip-version-check /srv/hello/src gunicorn==27.0.1

install -d /etc/hello
(umask 077 && printf 'HELLO_PROXIES=1\nHELLO_SECRET_KEY=%s\n' "$(head -c 24 /dev/urandom | base64)" > /etc/hello/env)
echo 'HELLO_DATABASE=/var/lib/hello/logbook.sqlite3' >> /etc/hello/env

cat > /etc/systemd/system/hello.service << 'END'
[Unit]
Description=hello
Requires=hello.socket
After=network.target

[Service]
Type=notify
User=hello
EnvironmentFile=/etc/hello/env
ExecStartPre=/srv/hello/venv/bin/flask --app hello init-db
ExecStart=/srv/hello/venv/bin/gunicorn --workers 3 --threads 4 "hello:create_app()"
ExecReload=/bin/kill -HUP $MAINPID
KillMode=mixed
Restart=always
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=strict
ReadWritePaths=/var/lib/hello

[Install]
WantedBy=multi-user.target
END

cat > /etc/systemd/system/hello.socket << 'END'
[Unit]
Description=Socket of hello

[Socket]
ListenStream=/run/hello.sock
SocketUser=www-data
SocketMode=0600

[Install]
WantedBy=sockets.target
END

cat > /etc/nginx/sites-available/hello << 'END'
server {
    listen 80 default_server;
    server_name hello.localhost;

    location /static/ {
        alias /srv/hello/src/hello/static/;
    }

    location / {
        proxy_pass http://unix:/run/hello.sock;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-Host $host;
    }
}
END
ln -s ../sites-available/hello /etc/nginx/sites-enabled/hello
rm /etc/nginx/sites-enabled/default

systemctl daemon-reload
systemctl enable --quiet --now hello.socket hello.service
nginx -t -q
systemctl reload nginx

for _ in {1..100}; do
  curl --silent --fail --output /dev/null --header 'Host: hello.localhost' http://127.0.0.1/readyz && exit 0
  sleep 0.1
done
echo "the app does not answer" >&2
exit 1
