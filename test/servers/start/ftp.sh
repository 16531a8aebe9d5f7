#!/bin/bash
# ftp.sh DIRECTORY PORT KIND TLS [MORE] - an FTP server on 127.0.0.1, in the foreground.
#
# DIRECTORY (made new) holds its certificate and logs; data/ in it is where a login ends up.
# KIND: proftpd (user fcftp, password s3cret) or vsftpd (user anonymous, any password; $VSFTPD is its program).
# TLS: none, explicit, implicit; with "-lenient" behind it data connections need not resume the session.
# MORE: lines for its configuration. Started by root, files belong to nobody or daemon; else to the user who started it.
set -eu
directory=$1
port=$2
kind=$3
tls=$4
more=${5:-}
data=$directory/data
user=$(id -un)
if [ "$(id -u)" = 0 ]; then
  # vsftpd wants a user whose home exists.
  if [ "$kind" = vsftpd ]; then user=daemon; else user=nobody; fi
fi
group=$(id -gn $user)
if [ ! -e "$directory/cert.pem" ]; then
  mkdir -p "$directory"
  chmod 755 "$directory"
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=localhost \
    -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$directory/key.pem" -out "$directory/cert.pem" 2> /dev/null
  mkdir -p -m 755 "$data" "$directory/empty"
  if [ "$(id -u)" = 0 ]; then chown $user:"$group" "$data"; fi
fi

proftpd() {
  printf 'fcftp:%s:%s:%s::%s:/bin/false\n' "$(openssl passwd -6 s3cret)" "$(id -u $user)" "$(id -g $user)" "$data" > "$directory/passwd"
  chmod 600 "$directory/passwd" "$directory/key.pem"
  {
    cat << CONFIG
ControlsEngine off
LoadModule mod_tls.c
ServerName test
ServerType standalone
DefaultAddress 127.0.0.1
SocketBindTight on
Port $port
UseIPv6 off
UseReverseDNS off
PidFile $directory/pid
ScoreboardFile $directory/scoreboard
DelayEngine off
WtmpLog off
SystemLog $directory/system.log
TransferLog none
User $user
Group $group
RequireValidShell off
AuthPAM off
AuthOrder mod_auth_file.c
AuthUserFile $directory/passwd
UseFtpUsers off
MaxInstances 200
TimeoutLinger 2
CONFIG
    if [ "$(id -u)" = 0 ]; then echo 'DefaultRoot ~'; fi
    case "$more" in *AllowOverwrite*) ;; *) echo 'AllowOverwrite on' ;; esac
    if [ "$tls" != none ]; then
      cat << CONFIG
TLSEngine on
TLSLog $directory/tls.log
TLSProtocol TLSv1.2 TLSv1.3
TLSRSACertificateFile $directory/cert.pem
TLSRSACertificateKeyFile $directory/key.pem
TLSRequired on
TLSVerifyClient off
CONFIG
      case "$tls" in implicit*) options=UseImplicitSSL ;; *) options= ;; esac
      case "$tls" in *-lenient) options="$options NoSessionReuseRequired" ;; esac
      if [ -n "$options" ]; then echo "TLSOptions $options"; fi
    fi
    printf '%s\n' "$more"
  } > "$directory/proftpd.conf"
  exec /usr/sbin/proftpd -n -q -c "$directory/proftpd.conf"
}

vsftpd() {
  {
    cat << CONFIG
listen=YES
listen_ipv6=NO
background=NO
listen_address=127.0.0.1
listen_port=$port
pasv_address=127.0.0.1
anonymous_enable=YES
no_anon_password=NO
local_enable=NO
ftp_username=$user
run_as_launching_user=YES
anon_root=$data
anon_upload_enable=YES
anon_mkdir_write_enable=YES
anon_other_write_enable=YES
anon_umask=022
anon_world_readable_only=NO
write_enable=YES
secure_chroot_dir=$directory/empty
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
max_per_ip=0
max_clients=0
vsftpd_log_file=$directory/vsftpd.log
xferlog_enable=YES
log_ftp_protocol=YES
CONFIG
    if [ "$tls" != none ]; then
      cat << CONFIG
ssl_enable=YES
rsa_cert_file=$directory/cert.pem
rsa_private_key_file=$directory/key.pem
allow_anon_ssl=YES
force_anon_logins_ssl=YES
force_anon_data_ssl=YES
ssl_tlsv1=YES
ssl_ciphers=HIGH
CONFIG
      case "$tls" in implicit*) echo implicit_ssl=YES ;; esac
      case "$tls" in *-lenient) echo require_ssl_reuse=NO ;; esac
    fi
    printf '%s\n' "$more"
  } > "$directory/vsftpd.conf"
  chmod 600 "$directory/vsftpd.conf"
  program=${VSFTPD:-/usr/sbin/vsftpd}
  if [ "$(id -u)" = 0 ]; then
    chown -R $user:"$group" "$directory"
    exec setpriv --reuid $user --regid "$group" --clear-groups "$program" "$directory/vsftpd.conf"
  fi
  exec "$program" "$directory/vsftpd.conf"
}

"$kind"
