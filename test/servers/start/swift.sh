#!/bin/bash
# swift.sh start DIR: an OpenStack Swift of one node with one replica, on free ports of loopback only, run as the calling
# user. Prints its address. swift.sh stop DIR: ends it and removes DIR. In between, swift.sh down DIR kills the proxy,
# behind which everything else is, and swift.sh up DIR starts it again.
#
# Accounts: test:tester with testing, test:reader with reading (may do only what containers allow), admin:admin with admin.
set -eu
D=$2
if [ "$1" = stop ]; then
  for file in "$D"/run/*.pid; do
    pid=$(cat "$file" 2> /dev/null || true)
    [ -n "$pid" ] || continue
    kill "$pid" 2> /dev/null || continue
    for _ in $(seq 50); do kill -0 "$pid" 2> /dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2> /dev/null || true
  done
  rm -rf "$D"
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
U=$(id -un)
# Below the ports that outgoing connections get.
free() { for _ in $(seq 1000); do
  port=$((10240 + RANDOM % 16384))
  (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null || { echo $port; return; }
done; }
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
pipeline = catch_errors gatekeeper healthcheck proxy-logging cache listing_formats tempauth container-quotas account-quotas slo dlo proxy-logging proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_admin_admin = admin .admin .reseller_admin
user_test_tester = testing .admin
user_test_reader = reading
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
