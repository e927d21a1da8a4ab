//! `synthetics memory clear`.

use operations::checks;

use crate::arguments::ClearMemoryOptions;
use crate::deployment::access;
use crate::exit::Exit;

/// Clears the memory of a check and prints its contents, which may name synthetic data that no run removes any more.
pub(crate) async fn clear(options: &ClearMemoryOptions) -> anyhow::Result<Exit> {
    let checks = checks::ids(std::slice::from_ref(&options.check))?;
    let state = access::state(&options.deployment).await?;
    for check in checks {
        let Some(memory) = state.load(check).await?.memory else {
            println!("{check} has no stored memory");
            continue;
        };
        state.clear_memory(check).await?;
        println!("the memory of {check} is cleared; its next run starts with an empty one");
        println!("it held:");
        crate::terminal::document(&memory.to_string());
    }
    Ok(Exit::Passed)
}
