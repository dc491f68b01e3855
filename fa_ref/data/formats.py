"""Files that are not read, recognised by their first bytes: what to do with each."""

from __future__ import annotations

from pathlib import Path

__all__ = ["NPY_MAGIC", "refuse_foreign"]

NPY_MAGIC = b"\x93NUMPY"

_TO_CSV = "write it as CSV: pandas.{read}.to_csv('{stem}.csv', index=False)"
_NPZ = "save one array of it as .npy: numpy.save('{stem}.npy', numpy.load('{file}')['NAME'])"
_MAT = "save one array of it as .npy: numpy.save('{stem}.npy', scipy.io.loadmat('{file}')['NAME'])"
_HDF = "save one array of it as .npy: numpy.save('{stem}.npy', h5py.File('{file}')['NAME'])"
_SHEET = "save the sheet as CSV, or " + _TO_CSV.format(read="read_excel('{file}')", stem="{stem}")
_PICKLE = "load it yourself, if you trust its origin (a pickle can run code), and numpy.save the array as .npy"
_UNPACK = "unpack it first"

#: First bytes, what they are, what to do. Of several the first that fits counts.
_FOREIGN = (
    (b"PAR1", "a Parquet file", _TO_CSV.format(read="read_parquet('{file}')", stem="{stem}")),
    (b"ARROW1", "an Arrow file", _TO_CSV.format(read="read_feather('{file}')", stem="{stem}")),
    (b"FEA1", "a Feather file", _TO_CSV.format(read="read_feather('{file}')", stem="{stem}")),
    (b"MATLAB 5.0", "a MATLAB file", _MAT),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (MATLAB's -v7.3 among them)", _HDF),
    (b"\xd0\xcf\x11\xe0", "an old Excel file", _SHEET),
    (b"\x1f\x8b", "a gzip file", _UNPACK),
    (b"BZh", "a bzip2 file", _UNPACK),
    (b"\xfd7zXZ", "an xz file", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd file", _UNPACK),
    (b"\x00\x00\x08", "an IDX file", "numpy.save('{stem}.npy', fa_ref.data.read_idx('{file}'))"),
    (b"SQLite format 3", "a SQLite database", "export the table as CSV"),
    (b"%PDF", "a PDF file", "copy the numbers into a CSV file"),
)


def refuse_foreign(path: Path, name: str, start: bytes) -> None:
    """Refuse a file that begins as another format does.

    Raises
    ------
    ValueError
        With one line that says what to do.

    Examples
    --------
    >>> refuse_foreign(Path("X.csv"), "X", b"1,2")
    >>> refuse_foreign(Path("X.parquet"), "X", b"PAR1")
    Traceback (most recent call last):
    ...
    ValueError: X: expected CSV or .npy, got X.parquet, a Parquet file; write it as CSV:
    pandas.read_parquet('X.parquet').to_csv('X.csv', index=False)
    """
    found = next(((what, remedy) for magic, what, remedy in _FOREIGN if start.startswith(magic)), None)
    if found is None and start.startswith(b"PK\x03\x04"):
        sheet = path.suffix.lower() in (".xlsx", ".xlsm", ".ods")
        found = ("a spreadsheet", _SHEET) if sheet else ("a .npz or zip file", _NPZ)
    if found is None and start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        found = ("a pickle", _PICKLE)
    if found is None and start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        found = ("UTF-16 text, not UTF-8", "save it as CSV in UTF-8")
    if found is not None:
        what, remedy = found
        remedy = remedy.replace("{stem}", path.stem).replace("{file}", path.name)
        raise ValueError(f"{name}: expected CSV or .npy, got {path}, {what}; {remedy}")
