#!/bin/bash
# swift.sh start DIR: an OpenStack Swift of one node with one replica, on free ports of loopback only, run as the calling
# user. Prints its address. swift.sh stop DIR: ends it and removes DIR. In between, swift.sh down DIR kills the proxy,
# behind which everything else is, and swift.sh up DIR starts it again. The same address speaks S3.
#
# swift.sh keystone DIR: starts a Keystone, and one more proxy that asks it who is who. Prints the addresses of both, on a
# line each. Its administrator is admin, password adminpw; the proxy signs in as swift, password swiftpw, project service.
#
# Accounts: test:tester with testing, test:reader with reading (may do only what containers allow), admin:admin with admin.
set -Eeu
D=$2
# What failed, and what the daemons had to say: the directory is gone when somebody reads of it.
tell() { echo "failed: line $2: $3"; tail -n 20 "$D"/log/*.log; exit "$1"; }
trap 'tell $? $LINENO "$BASH_COMMAND"' ERR
if [ "$1" = stop ]; then
  for file in "$D"/run/*.pid; do
    pid=$(cat "$file" 2> /dev/null || true)
    [ -n "$pid" ] || continue
    kill "$pid" 2> /dev/null || continue
    for _ in $(seq 50); do kill -0 "$pid" 2> /dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2> /dev/null || true
  done
  rm -rf "$(readlink "$D/keystone" || echo "$D")" "$D"
  exit 0
fi
begin() {
  name=$1
  shift
  setsid "$@" < /dev/null >> "$D/log/$name.log" 2>&1 &
  echo $! > "$D/run/$name.pid"
}
listens() {
  for _ in $(seq 300); do
    curl -fs -o /dev/null "$1/healthcheck" && return
    sleep 0.1
  done
  return 1
}
if [ "$1" = down ]; then
  kill -9 "$(cat "$D/run/proxy.pid")"
  exit 0
fi
if [ "$1" = up ]; then
  begin proxy /usr/bin/python3 /usr/bin/swift-proxy-server "$D/etc/proxy-server.conf" -v
  listens "$(cat "$D/run/address")"
  exit 0
fi
# Below the ports that outgoing connections get.
free() { for _ in $(seq 1000); do
  port=$((10240 + RANDOM % 16384))
  (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null || { echo $port; return; }
done; }
if [ "$1" = keystone ]; then
  KEYSTONE=$(free) PROXY=$(free)
  # Its database is made in hundreds of small commits: in memory where that can be.
  memory=$D
  [ -w /dev/shm ] && memory=/dev/shm
  ln -s "$(mktemp -d -p "$memory" keystone-XXXXXX)" "$D/keystone"
  mkdir -p "$D"/keystone/{fernet,credential,log}
  cat > "$D/keystone/keystone.conf" <<CONF
[DEFAULT]
log_dir = $D/keystone/log
use_stderr = false
public_endpoint = http://127.0.0.1:$KEYSTONE/
[database]
connection = sqlite:///$D/keystone/keystone.db
[token]
provider = fernet
[fernet_tokens]
key_repository = $D/keystone/fernet
[fernet_receipts]
key_repository = $D/keystone/fernet
[credential]
key_repository = $D/keystone/credential
[cache]
enabled = true
backend = dogpile.cache.memory
[identity]
password_hash_rounds = 4
CONF
  manage() { keystone-manage --config-file "$D/keystone/keystone.conf" "$@" 2>> "$D/log/keystone.log"; }
  manage db_sync
  # Else two requests at once are answered with 500, since the database is locked.
  /usr/bin/python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("PRAGMA journal_mode=WAL")' "$D/keystone/keystone.db"
  # As fernet_setup and credential_setup make them, which take seconds.
  for key in fernet/0 fernet/1 credential/0 credential/1; do
    (umask 077 && head -c 32 /dev/urandom | base64 | tr '+/' '-_' > "$D/keystone/$key")
  done
  manage bootstrap --bootstrap-password adminpw --bootstrap-region-id R1 \
    --bootstrap-public-url "http://127.0.0.1:$KEYSTONE/v3/" --bootstrap-internal-url "http://127.0.0.1:$KEYSTONE/v3/" \
    --bootstrap-admin-url "http://127.0.0.1:$KEYSTONE/v3/"
  OS_KEYSTONE_CONFIG_DIR=$D/keystone OS_KEYSTONE_CONFIG_FILES=keystone.conf \
    begin keystone /usr/bin/keystone-wsgi-public --host 127.0.0.1 --port "$KEYSTONE"
  sed -e "s/^bind_port = .*/bind_port = $PROXY/" -e 's/ s3api tempauth / authtoken keystoneauth /' \
    "$D/etc/proxy-server.conf" > "$D/etc/proxy-keystone.conf"
  cat >> "$D/etc/proxy-keystone.conf" <<CONF
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = http://127.0.0.1:$KEYSTONE
auth_url = http://127.0.0.1:$KEYSTONE
auth_type = password
project_domain_id = default
user_domain_id = default
project_name = service
username = swift
password = swiftpw
delay_auth_decision = True
cache = swift.cache
include_service_catalog = False
[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = admin, member
CONF
  begin proxy-keystone /usr/bin/python3 /usr/bin/swift-proxy-server "$D/etc/proxy-keystone.conf" -v
  listens "http://127.0.0.1:$PROXY"
  for _ in $(seq 300); do
    curl -fs -o /dev/null "http://127.0.0.1:$KEYSTONE/v3" && up=1 && break
    sleep 0.1
  done
  test "${up:-}" = 1
  echo "http://127.0.0.1:$KEYSTONE"
  echo "http://127.0.0.1:$PROXY"
  exit 0
fi
U=$(id -un)
PROXY=$(free) OBJECT=$(free) CONTAINER=$(free) ACCOUNT=$(free) MEMCACHED=$(free)
mkdir -p "$D"/{etc,node/sdb1,cache,run,log}
cd "$D"
cat > etc/swift.conf <<CONF
[swift-hash]
swift_hash_path_suffix = suffix
swift_hash_path_prefix = prefix
[storage-policy:0]
name = Policy-0
default = yes
CONF
for type in account:$ACCOUNT container:$CONTAINER object:$OBJECT; do
  name=${type%%:*} port=${type##*:}
  cat > "etc/$name-server.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $port
workers = 0
user = $U
swift_dir = $D/etc
devices = $D/node
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
log_level = INFO
log_address = $D/nolog
[pipeline:main]
pipeline = $name-server
[app:$name-server]
use = egg:swift#$name
recon_cache_path = $D/cache
[$name-replicator]
[$name-auditor]
CONF
  (
    cd etc
    swift-ring-builder "$name.builder" create 4 1 0
    swift-ring-builder "$name.builder" add "r1z1-127.0.0.1:$port/sdb1" 1
    swift-ring-builder "$name.builder" rebalance
  ) > /dev/null &
done
wait
cat > etc/proxy-server.conf <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $PROXY
workers = 0
user = $U
swift_dir = $D/etc
log_level = INFO
log_address = $D/nolog
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck proxy-logging cache listing_formats bulk s3api tempauth copy container-quotas account-quotas slo dlo proxy-logging proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_admin_admin = admin .admin .reseller_admin
user_test_tester = testing .admin
user_test_reader = reading
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
s3_acl = false
check_bucket_owner = false
[filter:bulk]
use = egg:swift#bulk
[filter:copy]
use = egg:swift#copy
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$MEMCACHED
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:container-quotas]
use = egg:swift#container_quotas
[filter:account-quotas]
use = egg:swift#account_quotas
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
CONF
as=()
[ "$(id -u)" = 0 ] && as=(-u nobody)
begin memcached memcached "${as[@]}" -l 127.0.0.1 -p "$MEMCACHED" -U 0 -m 64
echo "$MEMCACHED" > run/memcached.port
for name in account container object proxy; do
  begin $name /usr/bin/python3 /usr/bin/swift-$name-server "$D/etc/$name-server.conf" -v
done
for port in "$OBJECT" "$CONTAINER" "$ACCOUNT" "$MEMCACHED"; do
  for _ in $(seq 300); do
    (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break
    sleep 0.1
  done
done
echo "http://127.0.0.1:$PROXY" > run/address
listens "$(cat run/address)"
cat run/address
