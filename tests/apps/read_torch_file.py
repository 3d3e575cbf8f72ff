"""Reads a checkpoint as torch.load() does, with Python alone, and prints {name: [shape, values]} as JSON.

Names and order of the archive's entries, the pickle and its calls are those that PyTorch documents; whatever else the
file may contain ends this with an error.
"""

import array
import collections
import json
import pickle
import pickletools
import sys
import zipfile


def rebuild(storage, offset, shape, strides, requires_grad, hooks):
    dense = [1]
    for extent in reversed(shape[1:]):
        dense.insert(0, dense[0] * extent)
    assert offset == 0 and not requires_grad and hooks == {} and list(strides) == dense[: len(shape)]
    return [list(shape), list(storage)]


class Reader(pickle.Unpickler):
    known = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): rebuild,
        ("torch", "FloatStorage"): "f",
    }

    def __init__(self, archive, folder):
        super().__init__(archive.open(f"{folder}/data.pkl"))
        self.archive, self.folder = archive, folder

    def find_class(self, module, name):
        return self.known[module, name]

    def persistent_load(self, pid):
        kind, code, key, location, count = pid
        assert kind == "storage" and location == "cpu"
        values = array.array(code, self.archive.read(f"{self.folder}/data/{key}"))
        assert len(values) == count
        return values


def main():
    with zipfile.ZipFile(sys.argv[1]) as archive:
        assert archive.testzip() is None
        folder, first = archive.infolist()[0].filename.split("/")
        assert first == "data.pkl" and all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
        assert archive.read(f"{folder}/byteorder") == b"little" and archive.read(f"{folder}/version") == b"3\n"
        assert max(code.proto for code, _, _ in pickletools.genops(archive.read(f"{folder}/data.pkl"))) == 2
        tensors = Reader(archive, folder).load()
    assert type(tensors) is collections.OrderedDict
    print(json.dumps(tensors))


if __name__ == "__main__":
    main()
