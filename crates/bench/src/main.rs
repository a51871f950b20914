//! `ecomesh-bench`: macro benchmarks of ecomesh with real processes on this machine, beside the limits of what it is
//! made of and beside what one would use instead.

fn main() {}
