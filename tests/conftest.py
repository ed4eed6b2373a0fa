"""One BLAS thread per process: the tests' matrices are small, and pytest-xdist fills the cores."""

import os

# For the processes that tests start; in this one NumPy may have been imported already.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

from threadpoolctl import threadpool_limits  # noqa: E402

threadpool_limits(limits=1)
