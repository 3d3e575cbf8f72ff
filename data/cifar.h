// CIFAR-10 and CIFAR-100 in their official layouts (Krizhevsky 2009). In the binary version a record is 1 label
// byte, or for CIFAR-100 a coarse and a fine label byte of which the fine one is used, then 3,072 bytes: a red, a green
// and a blue 32x32 plane. The files are read whole and made interleaved once.
//   CIFAR-10:  data_batch_1.bin .. data_batch_5.bin, test_batch.bin   10,000 records each
//   CIFAR-100: train.bin, test.bin                                    50,000 and 10,000 records
// In the python version each file is a pickle of as many (data/cifar_python.h), without the ".bin" in its name.
// Checked before any binary record is read: every file is there, not empty and a whole number of records long. If one
// file has its official number of records all must have theirs; else (a set made smaller for a trial) all training
// files must be of one length, and the test file may have any. Every label is checked.
#pragma once

#include <filesystem>

#include "data/dataset.h"

namespace drift {

// `place`: a directory with the files, or with the official archive's folder (cifar-10-batches-bin,
// cifar-10-batches-py, cifar-100-binary, cifar-100-python) which has them; or that archive itself, a .tar.gz file. The
// sets are the same from all of them. Class names are read from batches.meta.txt, fine_label_names.txt, batches.meta or
// meta where present; else they are the official ones. Throws kData naming the file (or archive and member), the offset
// and what was expected there.
DataSource open_cifar10(const std::filesystem::path& place);
DataSource open_cifar100(const std::filesystem::path& place);

}  // namespace drift
