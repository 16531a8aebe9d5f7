#!/bin/bash
# sftp.sh DIRECTORY PORT [OPTIONS OF internal-sftp] - an OpenSSH server on 127.0.0.1 that serves SFTP, in the foreground.
#
# DIRECTORY (made new) holds its keys, known_hosts and logs; data/ in it is where a login ends up. Started by root it
# takes user fcsftp with password s3cret, or with the keys; started by another user it takes that user with the keys.
set -eu
directory=$1
port=$2
options=${3:-}
data=$directory/data
if [ ! -e "$directory/host_ed25519" ]; then
  mkdir -p "$directory"
  chmod 755 "$directory"
  for type in ed25519 rsa; do ssh-keygen -q -t $type -N '' -f "$directory/host_$type"; done
  ssh-keygen -q -t ed25519 -N '' -f "$directory/key"
  ssh-keygen -q -t rsa -b 2048 -N 'open sesame' -f "$directory/locked_key"
  cat "$directory/key.pub" "$directory/locked_key.pub" > "$directory/authorized_keys"
  chmod 644 "$directory/authorized_keys"
  mkdir -p -m 755 "$data"
fi
if [ "$(id -u)" = 0 ]; then
  user=fcsftp
  passwords=yes
  install -d -m 0755 /run/sshd
  id $user > /dev/null 2>&1 || useradd --no-create-home --no-user-group --gid nogroup --home-dir /nonexistent --shell /usr/sbin/nologin $user
  usermod -p "$(openssl passwd -6 s3cret)" $user
  chown $user:nogroup "$data"
else
  user=$(id -un)
  passwords=no
fi
cat > "$directory/sshd_config" <<CONFIG
Port $port
ListenAddress 127.0.0.1
HostKey $directory/host_ed25519
HostKey $directory/host_rsa
PidFile none
AuthorizedKeysFile $directory/authorized_keys
StrictModes no
UsePAM no
PubkeyAuthentication yes
PasswordAuthentication $passwords
KbdInteractiveAuthentication no
UseDNS no
MaxStartups 200:30:400
MaxSessions 100
LogLevel VERBOSE
Subsystem sftp internal-sftp
ForceCommand internal-sftp -d $data $options
CONFIG
for type in ed25519 rsa; do
  printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$directory/host_$type.pub")"
done > "$directory/known_hosts"
printf '%s' "$user" > "$directory/user"
exec /usr/sbin/sshd -D -f "$directory/sshd_config" -E "$directory/sshd.log"
