// The calls of MPI that can go wrong on purpose (faults.cpp).
#include <mpi.h>

#include "tests/apps/faults.h"
#include "tests/apps/preload.h"

using drift::testing::goes_wrong;
using drift::testing::real;

// NOLINTBEGIN: the names and types are those of the library
extern "C" {

int MPI_Init_thread(int* argc, char*** argv, int required, int* provided) {
  if (goes_wrong("MPI_Init_thread")) return MPI_ERR_OTHER;
  return real("MPI_Init_thread", &MPI_Init_thread)(argc, argv, required, provided);
}
int MPI_Isend(const void* buffer, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request* request) {
  if (goes_wrong("MPI_Isend")) return MPI_ERR_OTHER;
  return real("MPI_Isend", &MPI_Isend)(buffer, count, type, to, tag, comm, request);
}
int MPI_Irecv(void* buffer, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Request* request) {
  if (goes_wrong("MPI_Irecv")) return MPI_ERR_OTHER;
  return real("MPI_Irecv", &MPI_Irecv)(buffer, count, type, from, tag, comm, request);
}
int MPI_Testall(int count, MPI_Request requests[], int* flag, MPI_Status statuses[]) {
  if (goes_wrong("MPI_Testall")) return MPI_ERR_OTHER;
  return real("MPI_Testall", &MPI_Testall)(count, requests, flag, statuses);
}
int MPI_Allreduce(const void* from, void* to, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  if (goes_wrong("MPI_Allreduce")) return MPI_ERR_OTHER;
  return real("MPI_Allreduce", &MPI_Allreduce)(from, to, count, type, op, comm);
}

}  // extern "C"
// NOLINTEND
