// Processes of one MPI program, which share memory.
#include <mpi.h>
#include <stdio.h>
int main(int argc, char **argv) {
    int rank, count;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &count);
    double x = rank + 1, sum = 0;
    for (int i = 0; i < 200; i++) {
        MPI_Allreduce(&x, &sum, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
        x = sum / count;
    }
    if (rank == 0) printf("%f %d\n", sum, count);
    MPI_Finalize();
    return 0;
}
