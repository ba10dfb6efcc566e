"""`morphseq export`: tables with all that says where they come from, as an RO-Crate; and checking one."""
