# SPDX-License-Identifier: MIT
"""Packages that hold a part of a model, as pip takes them from a folder: what the catalogue's are
like, made of any bytes.

Usage: wheels.py FOLDER PACKAGE VERSION MEMBER FILE    FILE's bytes become the member
"""
import pathlib
import sys
import zipfile


def make_wheel(folder, package, version, member, content):
    """`content`: the bytes of the member. Stored, not deflated."""
    stem = f"{package.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    path = pathlib.Path(folder) / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, content)
        archive.writestr(f"{info}/METADATA",
                         f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: hearth\n"
                                          "Root-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


if __name__ == "__main__":
    make_wheel(*sys.argv[1:5], pathlib.Path(sys.argv[5]).read_bytes())
