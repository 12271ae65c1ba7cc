#!/bin/sh
# 渔场离线安装 / Install Yuchang from its bundle, without network.
#   sh install.sh [FOLDER]          default: ./yuchang
#   PYTHON=/path/to/python3.12      another interpreter
#   YUCHANG_BUNDLE_KEY=public.pem   also check the bundle's signature (needs openssl)
# Run again over an older release, it replaces the program and keeps the data (FOLDER/var).
set -eu
# Root may be private by habit (077); the service's account must read the program. The data stay private.
umask 022
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
target=${1:-./yuchang}

fail() { printf '\n✕ %s\n  %s\n' "$1" "$2" >&2; exit 1; }
say() { printf '· %s\n' "$1"; }

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
python=${PYTHON:-}
if [ -z "$python" ]; then
    for one in python3 python3.13 python3.12 python3.11 python3.14; do
        if fits "$one"; then python=$one; break; fi
    done
fi
[ -n "$python" ] && fits "$python" ||
    fail "需要 Python 3.11 或更新版本。" "Python 3.11 or newer is needed. Debian: python3 python3-venv; or PYTHON=/path."

"$python" - "$here/wheels" <<'END' || fail "本包没有适合此 Python 或此处理器的组件。" "This bundle has no wheels for this Python or processor (see above)."
import pathlib, platform, sys, sysconfig
tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
names = [p.name for p in pathlib.Path(sys.argv[1]).glob("psycopg_binary-*.whl")]
machine = platform.machine()
if not any(f"-{tag}-" in name and machine in name for name in names):
    print(f"  {tag} {machine}; bundle: {', '.join(names)}")
    sys.exit(1)
END

mkdir -p "$target" || fail "无法创建目录 $target。" "The folder $target cannot be made."
target=$(CDPATH='' cd -- "$target" && pwd)
free=$(df -Pk "$target" | awk 'NR == 2 { print $4 }')
[ "$free" -gt 4000000 ] ||
    fail "磁盘空间不足：$target 仅剩 $((free / 1024)) MB，至少需要 4 GB。" "Too little disk space: 4 GB are needed."

say "核对文件 / checking files"
if [ -n "${YUCHANG_BUNDLE_KEY:-}" ]; then
    openssl pkeyutl -verify -rawin -pubin -inkey "$YUCHANG_BUNDLE_KEY" \
        -in "$here/SHA256SUMS" -sigfile "$here/SHA256SUMS.sig" >/dev/null ||
        fail "签名不符，请勿安装。" "The signature does not fit: do not install."
fi
"$python" - "$here" <<'END' || fail "文件损坏或被改动，请重新复制安装包。" "Files are damaged or changed: copy the bundle again."
import hashlib, pathlib, sys
here, wrong = pathlib.Path(sys.argv[1]), 0
for line in (here / "SHA256SUMS").read_text().splitlines():
    digest, name = line.split("  ", 1)
    path, found = here / name, hashlib.sha256()
    if path.exists():
        with path.open("rb") as handle:
            while block := handle.read(1 << 20):
                found.update(block)
    if found.hexdigest() != digest:
        wrong += 1
        print(f"  {name}")
sys.exit(wrong > 0)
END

say "解包 / unpacking into $target"
"$python" - "$here" "$target" <<'END'
import pathlib, shutil, sys, tarfile
here, target = map(pathlib.Path, sys.argv[1:])
draft = target / ".unpacked"
shutil.rmtree(draft, ignore_errors=True)
for name in ("source.tar.gz", "browser.tar.gz"):
    with tarfile.open(here / name) as archive:
        archive.extractall(draft, filter="data") if hasattr(tarfile, "data_filter") else archive.extractall(draft)
(draft / "node_modules").rename(draft / "yuchang" / "node_modules")
for path in (draft / "yuchang").iterdir():
    old = target / path.name
    if old.is_dir() and not old.is_symlink():
        shutil.rmtree(old)
    path.replace(old)
shutil.rmtree(draft)
END

say "安装组件 / installing packages"
"$python" "$target/tools/set_up.py" --wheels "$here/wheels"

if [ ! -e "$target/var" ]; then (umask 077 && mkdir "$target/var"); fi
say "完成 / done"
cat <<END
  cd $target
  .venv/bin/python -m yuchang.supervisor doctor          检查 / look
  .venv/bin/python -m yuchang.supervisor run             运行 / serve
  .venv/bin/python -m yuchang.supervisor upgrade         升级旧数据 / bring older data along
  docs/howto/install.md                                  作为服务、首批管理员 / as a service, first administrators
END
