#!/usr/bin/env bash
# Prepares .venv for `run` or `test`, and the Debian packages it needs. Instant if all is in place.
# As root it installs what is missing; otherwise it says what to install. Without root, `run`
# carries on without MySQL support.
set -euo pipefail
cd "$(dirname "$0")/.."
purpose=$1

packages=()
python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
[ -e "$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] || packages+=(python3-dev)
command -v gcc >/dev/null || packages+=(gcc libc6-dev)
command -v pkg-config >/dev/null || packages+=(pkg-config)
pkg-config --exists mariadb 2>/dev/null || packages+=(libmariadb-dev)
command -v curl >/dev/null || packages+=(curl)
if [ "$purpose" = test ]; then
    [ -x /usr/sbin/mariadbd ] || command -v mariadbd >/dev/null || packages+=(mariadb-server-core)
    command -v mariadb >/dev/null || packages+=(mariadb-client)
    command -v node >/dev/null || packages+=(nodejs)
    command -v chromium >/dev/null || packages+=(chromium)
    [ -x /usr/sbin/nginx ] || command -v nginx >/dev/null || packages+=(nginx)
fi

locks=requirements.txt
[ "$purpose" = test ] && locks="requirements.txt requirements-dev.txt"
if [ ${#packages[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ]; then
        echo "Installing ${packages[*]} …"
        apt-get update -qq
        export DEBIAN_FRONTEND=noninteractive
        output=$(apt-get install -y -qq --no-install-recommends "${packages[@]}" 2>&1) || { echo "$output"; exit 1; }
    else
        echo "Missing: as root, run"
        echo "    apt-get install --no-install-recommends ${packages[*]}"
        case " ${packages[*]} " in *" python3-venv "*) exit 1 ;; esac
        [ "$purpose" = run ] || exit 1
        echo "Continuing without MySQL support, which is enough for the demo."
        awk '/^mysqlclient==/ { skip = 1; next } /^[^ #]/ { skip = 0 } !skip' requirements.txt >.venv-without-mysql.txt
        locks=.venv-without-mysql.txt
    fi
fi

stamp=$(cat $locks tools/bootstrap.sh <(python3 --version) <(echo "$locks") | sha256sum)
[ "$(cat .venv/stamp-"$purpose" 2>/dev/null)" = "$stamp" ] && exit 0
echo "Installing Python packages …"
[ -x .venv/bin/python ] || python3 -m venv .venv
requirements=()
for lock in $locks; do requirements+=(-r "$lock"); done
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes "${requirements[@]}"
echo "$stamp" >.venv/stamp-"$purpose"
