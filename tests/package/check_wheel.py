"""Import the package from a wheel, in a process that cannot see the sources."""

import subprocess
import sys
import tempfile
import zipfile

EXPECTED = {
    "dist_f1/__init__.pyi",
    "dist_f1/py.typed",
    "dist_f1/counts/value.py",
    "dist_f1/metrics/base.py",
    "dist_f1/commands/main.py",
    "dist_f1/pages/javascript/charts.js",
    "dist_f1/pages/templates/page.html",
    "dist_f1/pages/vendor/echarts/echarts.min.js",
    "dist_f1/pages/vendor/echarts/LICENSE",
    "dist_f1/testing/tpu_ops.json",
}
CODE = """
import sys
sys.path.insert(0, sys.argv[1])
import dist_f1
assert dist_f1.__file__.startswith(sys.argv[1]), dist_f1.__file__
metric = dist_f1.F1Score("macro")
metric.update_state([0, 1], [[0.9, 0.1], [0.2, 0.8]])
assert float(metric.result()) == 1.0
print("dist_f1", dist_f1.__version__, "works from the wheel")
"""


def main(wheel: str) -> None:
    """Unpack the wheel into an empty folder and use it there."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
            archive.extractall(folder)
        assert names >= EXPECTED, f"missing from the wheel: {EXPECTED - names}"
        assert not any(name.startswith("tests") for name in names)
        subprocess.run([sys.executable, "-c", CODE, folder], cwd=folder, check=True)


if __name__ == "__main__":
    main(sys.argv[1])
