"""Wheels and source distributions made here, and the form that uploads one."""

import base64
import hashlib
import io
import tarfile
import zipfile


def metadata(name, version, requires=(), python=">=3.8"):
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", f"Requires-Python: {python}",
             *(f"Requires-Dist: {one}" for one in requires), "", f"{name} says nothing.", ""]
    return "\n".join(lines)


def wheel(name, version, requires=(), python=">=3.8", text=""):
    """File name and bytes of a wheel with one module, which prints its version."""
    module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    files = {f"{module}/__init__.py": f"VERSION = {version!r}\n# {text}\n",
             f"{info}/METADATA": metadata(name, version, requires, python),
             f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: sos\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    record = "".join(f"{path},sha256={digest(text)},{len(text)}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path), content)
    return f"{module}-{version}-py3-none-any.whl", data.getvalue()


def digest(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def sdist(name, version):
    """File name and bytes of a source distribution."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        content = metadata(name, version).encode()
        entry = tarfile.TarInfo(f"{name}-{version}/PKG-INFO")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return f"{name}-{version}.tar.gz", data.getvalue()


def save(folder, file):
    path = folder / file[0]
    path.write_bytes(file[1])
    return path


def form(name, version, data, **more):
    """The fields that an upload client sends."""
    return {":action": "file_upload", "protocol_version": "1", "metadata_version": "2.1", "name": name,
            "version": version, "filetype": "bdist_wheel", "pyversion": "py3",
            "md5_digest": hashlib.md5(data).hexdigest(), "sha256_digest": hashlib.sha256(data).hexdigest(),
            "blake2_256_digest": hashlib.blake2b(data, digest_size=32).hexdigest(), **more}
