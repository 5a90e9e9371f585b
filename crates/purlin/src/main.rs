//! The `purlin` binary: the command line over the library, with an allocator that suits many short requests.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    purlin::commands::main()
}
