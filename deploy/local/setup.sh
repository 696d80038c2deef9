#!/usr/bin/env bash
# Installs what the build, the demo and the tests need and this machine lacks.
#
#   deploy/local/setup.sh [demo] [test] [checks] [chart] [boards] [pictures] [quality]      (default: demo)
#
# Debian's packages are the only thing that needs root, and the only thing that leaves this folder: everything else
# goes to .local/ in the project. Safe to run again: what is there is left alone, and then it takes about a second.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
local_dir=$root/.local
requirements=$root/deploy/local/requirements
questdb_version=9.3.4
questdb_sha256=939bc53ab22f93dbaa6545143a6e7c536d4904c07b7f2d381e8eef10436be062
toxiproxy_version=v2.5.0

main() {
    local subset
    [ $# -gt 0 ] || set -- demo
    for subset in "$@"; do
        case $subset in
            demo | test | checks | chart | boards | pictures | quality) ;;
            -h | --help) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
            *) fail "there is no set-up called \"$subset\": choose among demo, test, checks, chart, boards, pictures, quality" ;;
        esac
    done
    mkdir -p "$local_dir"
    check_rust "$@"
    install_packages "$@"
    for subset in "$@"; do
        "setup_$subset"
    done
    say "set-up for $* is complete"
}

# ---- the subsets

setup_demo() { fetch_questdb; }
setup_test() {
    fetch_questdb
    build_toxiproxy
    python_packages test
    setup_chart
    setup_boards
    ocpp_client
}
setup_checks() { python_packages checks; }
setup_quality() { python_packages quality; }
setup_chart() { setup_checks; python_packages chart; }
setup_boards() {
    recent_node || python_packages node
    node_packages "$root/grafana"
}
setup_pictures() {
    setup_boards
    if [ -f "$root/grafana/preview/package.json" ]; then node_packages "$root/grafana/preview"; fi
}

# ---- Debian's packages

# Prints the packages that the given subsets need and that are not there, one a line. "java" stands for the package
# of a Java that QuestDB runs on, whose name differs among releases.
missing_packages() {
    have cc || printf '%s\n' gcc libc6-dev
    [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
    have python3 || echo python3
    case " $* " in *" test "* | *" checks "* | *" chart "* | *" boards "* | *" pictures "* | *" quality "*)
        python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv ;;
    esac
    case " $* " in *" demo "* | *" test "*)
        recent_java || echo java
        questdb_jar_is_there || have mvn || echo maven ;;
    esac
    # The servers, and promtool and amtool with them.
    case " $* " in *" demo "* | *" test "* | *" checks "* | *" chart "*)
        have promtool || echo prometheus
        have amtool || echo prometheus-alertmanager ;;
    esac
    case " $* " in *" test "* | *" chart "*) have openssl || echo openssl ;; esac
    # libFuzzer is C++.
    case " $* " in *" test "*) have c++ || echo g++ ;; esac
    case " $* " in *" test "*)
        have_server mosquitto || echo mosquitto
        have mosquitto_pub || echo mosquitto-clients
        have faketime || echo faketime
        toxiproxy_is_there || recent_go || echo golang ;;
    esac
    case " $* " in *" pictures "*) have chromium || have chromium-browser || echo chromium ;; esac
}

install_packages() {
    local packages
    mapfile -t packages < <(missing_packages "$@" | sort -u)
    [ ${#packages[@]} -gt 0 ] || return 0
    have apt-get || fail "missing: ${packages[*]} (Debian's names). Install them with this system's package manager" \
        "and run this again."
    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        have sudo || fail "missing: ${packages[*]}. Debian's packages need root, and there is no sudo here:" \
            "run \"$0 $*\" once as root, then again as yourself."
        as_root=(sudo)
    fi
    say "installing Debian packages (as root; their services are not started): ${packages[*]}"
    "${as_root[@]}" bash -s -- "${packages[@]}" <<'AS_ROOT' || fail "apt-get could not install ${packages[*]}: its words are above"
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
# Debian starts a service as soon as its package is installed. The demo and the tests run their own, on their own data:
# so this policy forbids the start, for as long as the installation takes.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
packages=()
for package in "$@"; do
    if [ "$package" = java ]; then
        package=openjdk-17-jre-headless
        apt-cache show "$package" > /dev/null 2>&1 || package=openjdk-21-jre-headless
    fi
    packages+=("$package")
done
apt-get install -y -qq --no-install-recommends "${packages[@]}" > /dev/null
# … and it enables them for the next start of the machine, where they would take the demo's ports.
if [ -d /run/systemd/system ]; then
    for service in mosquitto prometheus prometheus-alertmanager; do
        case " $* " in *" $service "*) systemctl --quiet disable "$service" || true ;; esac
    done
fi
AS_ROOT
}

# ---- Java and QuestDB

recent_java() {
    have java || return 1
    local major
    major=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
    [ "${major:-0}" -ge 17 ]
}

questdb_jar=$local_dir/questdb/questdb-$questdb_version.jar

questdb_jar_is_there() { [ -f "$questdb_jar" ]; }

fetch_questdb() {
    questdb_jar_is_there && return
    recent_java || fail "QuestDB needs Java 17 or newer, and \"java\" is $(java -version 2>&1 | head -n 1)." \
        "Choose a newer one with: update-alternatives --config java"
    say "fetching QuestDB $questdb_version to .local/questdb"
    local fetched=$local_dir/questdb/fetched
    mkdir -p "$fetched"
    mvn --batch-mode --quiet org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
        "-Dartifact=org.questdb:questdb:$questdb_version" "-DoutputDirectory=$fetched" > "$fetched/maven.log" 2>&1 \
        || { cat "$fetched/maven.log"; fail "Maven could not fetch QuestDB $questdb_version. Is the network up?" \
            "Behind a proxy, name it in ~/.m2/settings.xml."; }
    echo "$questdb_sha256  $fetched/questdb-$questdb_version.jar" | sha256sum --check --quiet \
        || fail "the QuestDB that was fetched is not the one expected (SHA-256): $fetched"
    mv "$fetched/questdb-$questdb_version.jar" "$questdb_jar"
    rm -r "$fetched"
}

# ---- Go and Toxiproxy, which breaks networks for the tests

# Any Go since 1.17 builds it; Debian 12 has 1.19.
recent_go() {
    have go || return 1
    local minor
    minor=$(go env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
    [ "${minor:-0}" -ge 17 ]
}

toxiproxy=$local_dir/bin/toxiproxy-server-$toxiproxy_version

toxiproxy_is_there() { [ -x "$toxiproxy" ]; }

build_toxiproxy() {
    toxiproxy_is_there && return
    recent_go || fail "Toxiproxy needs Go 1.17 or newer, and \"go\" is $(go env GOVERSION || echo not there)." \
        "Install a newer one and run this again."
    say "building Toxiproxy $toxiproxy_version into .local/bin"
    # What it depends on is fixed by its own go.sum.
    GOBIN=$local_dir/bin/fetched go install "github.com/Shopify/toxiproxy/v2/cmd/server@$toxiproxy_version" \
        || fail "Go could not build Toxiproxy $toxiproxy_version: its words are above. Is the network up?"
    mv "$local_dir/bin/fetched/server" "$toxiproxy"
    rmdir "$local_dir/bin/fetched"
}

# ---- Python and Node.js, in .local/venv and beside the boards

# Installs requirements/$1.txt into .local/venv unless exactly that file was installed before.
python_packages() {
    local list=$requirements/$1.txt stamp=$local_dir/venv/.installed-$1
    cmp -s "$list" "$stamp" && return
    say "installing Python packages into .local/venv: $(grep -v '^#' "$list" | tr '\n' ' ')"
    [ -x "$local_dir/venv/bin/pip" ] || python3 -m venv "$local_dir/venv" \
        || fail "python3 could not make a virtual environment in .local/venv: its words are above"
    "$local_dir/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$list" \
        || fail "pip could not install $list: its words are above"
    cp "$list" "$stamp"
}

recent_node() {
    have node && have npm && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]
}

# npm ci in folder $1, with the other arguments, unless its lock file is the one that was installed before.
node_packages() {
    local folder=$1
    shift
    cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed-lock" && return
    say "installing Node packages into ${folder#"$root"/}/node_modules"
    (cd "$folder" && PATH="$local_dir/venv/bin:$PATH" npm ci --silent --no-audit --no-fund "$@") \
        || fail "npm could not install ${folder#"$root"/}/package-lock.json: its words are above"
    cp "$folder/package-lock.json" "$folder/node_modules/.installed-lock"
}

# An OCPP client that is not ours, in .local/ocpp-ws-cli. Nothing that it brings is run at installation.
ocpp_client() {
    local list=$requirements/ocpp-ws-cli folder=$local_dir/ocpp-ws-cli
    cmp -s "$list/package-lock.json" "$folder/node_modules/.installed-lock" && return
    mkdir -p "$folder"
    cp "$list/package.json" "$list/package-lock.json" "$folder/"
    node_packages "$folder" --ignore-scripts
}

# ---- Rust

check_rust() {
    local need found
    need=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
    have cargo || fail "there is no Rust here. Install version $need or newer with rustup (https://rustup.rs), open a new" \
        "shell, and run this again."
    found=$(rustc --version | cut -d' ' -f2)
    [ "$(printf '%s\n' "$need" "$found" | sort -V | head -n 1)" = "$need" ] \
        || fail "Rust $found is too old: Ampwarden needs $need or newer. Run: rustup update stable"
    case " $* " in *" test "*)
        if ! cargo fmt --version > /dev/null 2>&1 || ! cargo clippy --version > /dev/null 2>&1; then
            fail "rustfmt or clippy is missing. Run: rustup component add rustfmt clippy"
        fi ;;
    esac
}

# ---- small things

have() { command -v "$1" > /dev/null 2>&1; }
# Servers live in sbin, which is not on every user's PATH.
have_server() { have "$1" || [ -x "/usr/sbin/$1" ]; }
say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }

main "$@"
