#!/bin/bash
# rgw.sh start DIR: a Ceph object gateway with its monitor and one store in memory, on free ports of loopback only, run as
# the calling user. Prints its address. rgw.sh stop DIR: ends it and removes DIR.
set -eu
D=$2
if [ "$1" = stop ]; then
  for name in client.rgw osd.0 mon.a; do
    pid=$(cat "$D/run/$name.pid" 2> /dev/null || true)
    [ -n "$pid" ] || continue
    kill "$pid" 2> /dev/null || continue
    for _ in $(seq 100); do kill -0 "$pid" 2> /dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2> /dev/null || true
  done
  rm -rf "$D"
  exit 0
fi
# Below the ports that outgoing connections get.
free() { for _ in $(seq 1000); do
  port=$((10240 + RANDOM % 16384))
  (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null || { echo $port; return; }
done; }
M1=$(free) M2=$(free) HTTP=$(free)
mkdir -p "$D"/{mon,osd,mgr,rgw,run,log}
cd "$D"
FSID=$(cat /proc/sys/kernel/random/uuid)
cat > ceph.conf <<EOC
[global]
fsid = $FSID
mon host = [v2:127.0.0.1:$M2,v1:127.0.0.1:$M1]
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
public network = 127.0.0.0/8
auth allow insecure global id reclaim = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd crush chooseleaf type = 0
mon allow pool size one = true
mon pg warn min per osd = 0
osd pg autoscale mode = off
osd pool default pg autoscale mode = off
osd objectstore = memstore
memstore device bytes = 8589934592
osd data = $D/osd
osd memory target = 939524096
ms bind ipv6 = false
run dir = $D/run
admin socket = $D/run/\$name.asok
pid file = $D/run/\$name.pid
log file = $D/log/\$name.log
keyring = $D/keyring
mon data = $D/mon
mgr data = $D/mgr
rgw data = $D/rgw
mgr initial modules =
mgr disabled modules = *
mon data avail crit = 1
mon data avail warn = 2
mon warn on pool no redundancy = false
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:$HTTP tcp_nodelay=1
rgw thread pool size = 64
rgw dns name = localhost
EOC
export CEPH_CONF=$D/ceph.conf
ceph-authtool --create-keyring keyring --gen-key -n mon. --cap mon 'allow *' > /dev/null
for name in client.admin client.rgw osd.0; do
  ceph-authtool keyring --gen-key -n $name --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' > /dev/null
done
monmaptool --create --clobber --fsid "$FSID" --addv a "[v2:127.0.0.1:$M2,v1:127.0.0.1:$M1]" monmap > /dev/null
ceph-mon -c ceph.conf --mkfs -i a --monmap monmap --keyring keyring
ceph-mon -c ceph.conf -i a
ceph() { timeout 60 /usr/bin/ceph -c "$D/ceph.conf" "$@"; }
ceph -s > /dev/null
OSD=$(cat /proc/sys/kernel/random/uuid)
ceph osd create "$OSD" > /dev/null
ceph-osd -c ceph.conf -i 0 --mkfs --osd-uuid "$OSD" 2> /dev/null
ceph osd crush add osd.0 1 root=default > /dev/null 2>&1
ceph-osd -c ceph.conf -i 0 > /dev/null
radosgw -c ceph.conf -n client.rgw
for _ in $(seq 300); do
  curl -fs -o /dev/null "http://127.0.0.1:$HTTP/" && up=1 && break
  sleep 0.2
done
test "${up:-}" = 1
admin() { timeout 60 radosgw-admin -c ceph.conf -n client.rgw "$@" > /dev/null 2>&1; }
admin user create --uid=test --display-name=test --access-key=AKTEST --secret-key=SKTEST --caps='buckets=*'
admin user create --uid=other --display-name=other --access-key=AKOTHER --secret-key=SKOTHER
echo "http://127.0.0.1:$HTTP"
