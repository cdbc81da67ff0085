"""The kernel: one file per mechanism, known to every context and knowing none of them."""
