"""Compare the archives of a release with the tracked files: none is missing, added or changed.

python tests/package/check_archives.py dist
"""

import pathlib
import subprocess
import sys
import tarfile
import zipfile

ROOT = pathlib.Path(__file__).parents[2]
# Files of the repository that are of no use without it.
REPOSITORY_ONLY = (".ci/", ".gitignore")
# Files that setuptools writes into an sdist.
GENERATED = ("PKG-INFO", "setup.cfg", "dist_f1.egg-info/")


def tracked_files():
    """Return the content of each tracked file, by its name."""
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name: (ROOT / name).read_bytes() for name in listed.split("\0") if name}


def wheel_files(path):
    """Return the content of each file in a wheel, by its name."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sdist_files(path):
    """Return the content of each file in an sdist, by its name below the top folder."""
    with tarfile.open(path) as archive:
        return {
            member.name.partition("/")[2]: archive.extractfile(member).read()
            for member in archive.getmembers()
            if member.isfile()
        }


def differences(found, expected):
    """Return one line for each file that differs."""
    lines = [f"{name} is missing" for name in sorted(expected.keys() - found.keys())]
    lines += [f"{name} is not tracked by git" for name in sorted(found.keys() - expected.keys())]
    both = sorted(found.keys() & expected.keys())
    return lines + [f"{name} is changed" for name in both if found[name] != expected[name]]


def check_wheel(path, tracked):
    """Return the differences of a wheel: the package, and the licences of all that it ships."""
    found = wheel_files(path)
    metadata = "-".join(path.stem.split("-")[:2]) + ".dist-info/"
    licences = {
        f"{metadata}licenses/{name}": data
        for name, data in tracked.items()
        if pathlib.PurePath(name).name.startswith(("LICENSE", "NOTICE"))
    }
    package = {name: data for name, data in tracked.items() if name.startswith("dist_f1/")}
    prefixes = ("dist_f1/", f"{metadata}licenses/")
    shipped = {
        name: data
        for name, data in found.items()
        if name.startswith(prefixes) or not name.startswith(metadata)
    }
    return differences(shipped, package | licences)


def check_sdist(path, tracked):
    """Return the differences of an sdist, from which the tests can run."""
    found = {k: v for k, v in sdist_files(path).items() if not k.startswith(GENERATED)}
    expected = {k: v for k, v in tracked.items() if not k.startswith(REPOSITORY_ONLY)}
    return differences(found, expected)


def main(directory):
    """Check the only wheel and the only sdist of a directory; return the number of problems."""
    tracked = tracked_files()
    (wheel,) = pathlib.Path(directory).glob("*.whl")
    (sdist,) = pathlib.Path(directory).glob("*.tar.gz")
    problems = [f"{wheel.name}: {line}" for line in check_wheel(wheel, tracked)]
    problems += [f"{sdist.name}: {line}" for line in check_sdist(sdist, tracked)]
    print(*problems, sep="\n", end="\n" if problems else "")
    for path in (wheel, sdist):
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")
    return len(problems)


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1])))
